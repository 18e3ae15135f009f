"""Micrographs as a report shows them: the protein alone, two pictures side by side, activation maps."""

import io
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from hpa_lit.errors import InputError, listing
from hpa_lit.files.rgby import COLORS, PROTEIN, BitDepth, ImageFiles, Pixels, read

SIDE = 192  # pixels of a picture on the page and on contact sheets


def locate(places: Mapping[str, Mapping[str, ImageFiles]], ids: Sequence[str]) -> dict[str, ImageFiles]:
    """The files of the images in some places, by Id; none without places.

    Args:
        places: What there is, by Id, in each place by its name.
        ids: The images that are needed.

    Raises:
        InputError: An image is in two of the places, or one of `ids` in none.
    """
    found: dict[str, ImageFiles] = {}
    for place, there in places.items():
        if twice := sorted(found.keys() & there.keys()):
            raise InputError(f"{len(twice)} images are in {place} and in another folder too:\n{listing(twice)}")
        found |= there
    if places and (absent := [i for i in ids if not found.get(i)]):
        raise InputError(f"{len(absent)} predicted images are not in {', '.join(places)}:\n{listing(absent)}")
    return found


def small(files: ImageFiles, bits: BitDepth, side: int = SIDE) -> Pixels:
    """Read an image as small as a page shows it; a plane that it lacks is black.

    Args:
        files: Its files.
        bits: Depth of planes stored in 16 bits.
        side: Pixels of its longer side at most.

    Returns:
        Shape (H, W, 4).
    """
    return shrunk(read(files, bits, missing="zero"), side)


def shrunk(image: Pixels, side: int) -> Pixels:
    """The image with its longer side brought to at most `side`; shape (H, W, C)."""
    height, width = image.shape[:2]
    part = min(1.0, side / max(height, width))
    size = (max(1, round(width * part)), max(1, round(height * part)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def brightened(image: Pixels, most: float = math.inf) -> Pixels:
    """Each plane stretched by itself, so that all but its brightest thousandth lies below white.

    Args:
        image: Shape (H, W, C), 0..255.
        most: The largest factor, so that a plane that is nearly blank stays dark.
    """
    white = np.maximum(np.quantile(image, 0.999, axis=(0, 1)), max(1.0, 255 / most))
    return np.asarray(np.clip(image * (255 / white), 0, 255).round(), np.uint8)


def cut_out(image: Pixels, cell: npt.NDArray[np.bool_], side: int) -> Pixels:
    """A square around a cell, what is not of it dimmed, and black where it leaves the image.

    Args:
        image: Shape (H, W, C).
        cell: Where the cell is, (H, W); at least in one pixel.
        side: Pixels of the square at most.

    Returns:
        Shape (S, S, C).
    """
    half = math.ceil(0.55 * max(np.ptp(places) + 1 for places in np.nonzero(cell)))
    within, around = [], []
    for places, length in zip(np.nonzero(cell), cell.shape, strict=True):
        low = int(places.min() + places.max() + 1) // 2 - half
        within.append(slice(max(low, 0), min(low + 2 * half, length)))
        around.append((max(-low, 0), max(low + 2 * half - length, 0)))
    box = within[0], within[1]
    dimmed = np.where(cell[box][:, :, None], image[box], image[box] // 3)
    return shrunk(np.pad(dimmed, [*around, (0, 0)]), side)


def protein(image: Pixels) -> Pixels:
    """The green plane in grey, as bright as can be.

    Args:
        image: Shape (H, W, C), red, green and blue first, 0..255.

    Returns:
        Shape (H, W, 3).
    """
    green = COLORS.index(PROTEIN)
    return np.repeat(brightened(image[:, :, green : green + 1]), 3, axis=2)


def heat(picture: Pixels, activation: npt.NDArray[np.float32]) -> Pixels:
    """A picture with an activation map over it, the warmer and the denser the higher.

    Args:
        picture: Shape (H, W, 3), 0..255.
        activation: Shape (H, W), 0..1.

    Returns:
        Shape (H, W, 3); the picture itself where the map is 0.
    """
    color = colormaps["inferno"](activation)[:, :, :3] * 255
    cover = 0.7 * activation[:, :, None]
    return np.asarray((picture * (1 - cover) + color * cover).round(), np.uint8)


def beside(left: Pixels, right: Pixels, side: int) -> Pixels:
    """Two RGB pictures next to each other, each brought to (side, side, 3)."""
    return np.hstack([cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in (left, right)])


def encoded(picture: Pixels, kind: str) -> bytes:
    """A picture, RGB (H, W, 3) or grey (H, W), as the bytes of a "jpeg" or "png"."""
    # Colours are planes here: none of them may be blurred, as JPEG does for the eye.
    how = {"quality": 65, "subsampling": 0, "optimize": True} if kind == "jpeg" else {}
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **how)
    return buffer.getvalue()
