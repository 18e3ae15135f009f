"""Images and labels on their way to a network: data modules, label tables, folds, views and transforms."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network for a newer version

from hpa_lit.data.atlas import AtlasDataModule
from hpa_lit.data.build import build_data
from hpa_lit.data.cells import CellDataModule
from hpa_lit.data.dataset import Examples
from hpa_lit.data.folder import FolderDataModule
from hpa_lit.data.module import ImageDataModule, Sides

__all__ = [
    "AtlasDataModule",
    "CellDataModule",
    "Examples",
    "FolderDataModule",
    "ImageDataModule",
    "Sides",
    "build_data",
]
