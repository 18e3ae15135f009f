"""Cells in a field: finding them, taking masks that others made, cutting them out (method 14).

No network of ours and no torch: where Cellpose is asked to find cells, it brings its own.
"""

from hpa_lit.segmentation.cellpose import Cellpose
from hpa_lit.segmentation.making import Cutting, FoundCells, make_cells, said
from hpa_lit.segmentation.regions import Region

__all__ = ["Cellpose", "Cutting", "FoundCells", "Region", "make_cells", "said"]
