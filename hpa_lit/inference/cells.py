"""How a network sees cells that were cut out of fields (method 14)."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from hpa_lit.data import FolderDataModule
from hpa_lit.files import rgby
from hpa_lit.inference.model import Model


def sees_cells(model: Model) -> bool:
    """Whether the network was trained on single cells, or bags of them."""
    return model.data.get("field_size") is not None


def cell_sizes(model: Model) -> tuple[int, int]:
    """The side that fields are brought to before cells are cut out, and that of the squares for cells.

    Of a network that was trained on cells they are those of its training. Of one that was trained on fields the square
    is half of what it sees, in steps of 32 pixels: a third of a field of the atlas, where cells are a fifth wide.
    """
    if sees_cells(model):
        return int(model.data["field_size"]), int(model.data["image_size"])
    seen = int(model.data["crop_size"] or model.data["image_size"])
    return int(model.data["image_size"]), max(64, -(-seen // 64) * 32)


def cell_surroundings(model: Model) -> Literal["mask", "keep"]:
    """What becomes of the cells around a cell: as in a training on cells; else they are kept, as in any crop."""
    return "mask" if model.data.get("others") == "mask" else "keep"


def seeing_fields(model: Model) -> Model:
    """The network as it would see fields: of one that was trained on cells, at the size that these were cut out at."""
    if not sees_cells(model):
        return model
    return replace(model, data={**model.data, "image_size": model.data["field_size"], "crop_size": None})


def cell_images(model: Model, folder: Path, side: int) -> tuple[Model, FolderDataModule]:
    """The network as it sees single cells, whole, and the cells as a data module that is set up to predict them.

    Args:
        model: The network.
        folder: Of the cells, ``<Id>/<number>.tif``.
        side: Of their squares.
    """
    images = FolderDataModule(folder, naming=rgby.CELLS, image_size=side, crop_size=None)
    images.setup("predict")
    images.notes.clear()  # that files are named as we named them
    return replace(model, data={**model.data, "image_size": side, "crop_size": None}), images
