"""The cells that show each location best, in pictures."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from hpa_lit.figures.contact_sheet import Tile, contact_sheet
from hpa_lit.figures.pictures import brightened
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.rgby import STACK, read
from hpa_lit.results.answers import Answers

SHOWN = 8  # cells of a location
SIDE = 160  # pixels of one
_BRIGHTEST = 8  # times


def cell_sheet(cells: Answers, tree: CellTree) -> npt.NDArray[np.uint8] | None:
    """A row for each location that some cell is given, that of most cells first, of the most probable of these.

    Args:
        cells: Of N cells.
        tree: Where their pictures are.

    Returns:
        RGB picture, shape (height, width, 3); None where no cell has a location.
    """
    counts = cells.given.sum(axis=0, dtype=np.int64)
    rows = []
    for label in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist():
        given = np.flatnonzero(cells.given[:, label])
        best = given[np.argsort(-cells.probs[given, label], kind="stable")][:SHOWN]
        first, *others = (_tile(cells, int(row), label, tree) for row in best)
        rows.append((first, others))
    return contact_sheet(rows, SIDE) if rows else None


def _tile(cells: Answers, row: int, label: int, tree: CellTree) -> Tile:
    image_id = cells.ids[row]
    picture = brightened(read({STACK: tree.image(image_id)}), _BRIGHTEST)[:, :, :3]
    if len(picture) < SIDE:
        picture = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return Tile(picture, [f"{cells.probs[row, label]:.2f}  {cells.names[label]}", image_id])
