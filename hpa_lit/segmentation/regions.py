"""Where each cell of a field lies, and which cells are no whole ones."""

from dataclasses import dataclass

import numpy as np
from skimage.measure import regionprops

from hpa_lit.errors import InputError
from hpa_lit.files.label_image import Labels

MOST = 1000  # cells of a field: a cell then has 64 x 64 of 2048 x 2048 pixels, too few to see a location
TINY, GIANT = 0.25, 4.0  # of the median area of the field's cells


@dataclass(frozen=True)
class Region:
    """A cell in its field, in pixels of the mask.

    Attributes:
        number: In the mask.
        top: First row of the box around it; likewise left, and bottom and right, which are behind the last.
        y: Of its centre; likewise x.
        area: How many pixels it has.
        remark: border, where it is cut by the border of the field; tiny or giant, where its area is less than `TINY`
            or more than `GIANT` of the median; else empty.
    """

    number: int
    top: int
    left: int
    bottom: int
    right: int
    y: float
    x: float
    area: int
    remark: str


def regions(mask: Labels) -> list[Region]:
    """The cells of a mask (H, W), by number.

    Raises:
        InputError: There is none, or there are more than `MOST`.
    """
    found = regionprops(mask)
    if not found:
        raise InputError("its mask is empty: there is no cell")
    if len(found) > MOST:
        raise InputError(f"its mask has {len(found)} cells, and a field {MOST} at most: is it noise?")
    median = float(np.median([cell.area for cell in found]))
    rows = []
    for cell in found:
        top, left, bottom, right = cell.bbox
        cut = top == 0 or left == 0 or bottom == mask.shape[0] or right == mask.shape[1]
        size = "tiny" if cell.area < TINY * median else "giant" if cell.area > GIANT * median else ""
        y, x = cell.centroid
        rows.append(Region(cell.label, top, left, bottom, right, y, x, int(cell.area), "border" if cut else size))
    return rows
