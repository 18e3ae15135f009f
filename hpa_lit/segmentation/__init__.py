"""Cells in a field: finding them, taking masks that others made, cutting them out. No network, no torch (method 14)."""

from hpa_lit.segmentation.making import Cutting, FoundCells, make_cells, said
from hpa_lit.segmentation.regions import Region

__all__ = ["Cutting", "FoundCells", "Region", "make_cells", "said"]
