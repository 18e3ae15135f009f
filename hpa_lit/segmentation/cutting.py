"""Cutting cells out of a field, at the scale at which a network sees fields (method 14)."""

from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np

from hpa_lit.files.label_image import Labels
from hpa_lit.files.rgby import Pixels
from hpa_lit.segmentation.regions import Region

Others = Literal["mask", "keep"]  # what becomes of the cells around a cell


def cut(
    image: Pixels, mask: Labels, cells: Sequence[Region], side: int, margin: float, others: Others
) -> Iterator[Pixels]:
    """Cut out each cell: the square around the middle of its box, black beyond the field.

    A cell that with its margin is larger than the square is made smaller until it fits; none is made larger.

    Args:
        image: A field as the network sees it, (S, S, C) uint8.
        mask: Its cells, (H, W), as the field was before it was brought to S x S.
        cells: Which of them.
        side: Of the squares.
        margin: Around a cell's box, as a part of the longer side of it.
        others: mask: black but for the cell itself; keep: as it is.

    Yields:
        Squares (side, side, C), cell by cell.
    """
    size = image.shape[:2]
    scale = np.divide(size, mask.shape)
    numbers = np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
    for cell in cells:
        low, high = np.array([cell.top, cell.left]) * scale, np.array([cell.bottom, cell.right]) * scale
        window = max(side, round((high - low).max() * (1 + 2 * margin)))
        start = np.rint((low + high - window) / 2).astype(int)
        inner = tuple(slice(max(s, 0), min(s + window, end)) for s, end in zip(start, size, strict=True))
        patch = image[inner]
        if others == "mask":
            patch = patch * (numbers[inner] == cell.number)[..., None]
        square = np.zeros((window, window, image.shape[2]), np.uint8)
        top, left = np.maximum(-start, 0)
        square[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
        if window != side:
            square = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        yield square
