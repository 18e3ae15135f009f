"""Label images: the number of the cell that each pixel is in, 0 between cells."""

from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files.limits import check_pixels
from hpa_lit.files.reading import reading
from hpa_lit.files.writing import replacing

Labels = npt.NDArray[np.uint16]

MOST_CELLS = 2**16 - 1  # that numbers of 16 bits tell apart
SUFFIXES = (".tif", ".tiff", ".png")


def write(path: Path, labels: Labels, pixel_size: float | None = None) -> None:
    """Write a label image as a TIFF of 16 bits that ImageJ shows with a colour a cell; the same bytes for the same.

    Args:
        path: Where to.
        labels: Shape (H, W).
        pixel_size: In micrometres, where it is known.
    """
    shown: dict[str, object] = {"min": 0.0, "max": float(max(labels.max(initial=0), 1)), "LUTs": [_colors()]}
    if pixel_size is not None:
        shown["unit"] = "um"
    with replacing(path, sync=False) as temporary:
        tifffile.imwrite(
            temporary,
            labels,
            imagej=True,
            compression="zlib",  # without a predictor, of which ImageJ shows other numbers
            resolution=None if pixel_size is None else (1 / pixel_size, 1 / pixel_size),
            metadata=shown,
        )


def read(path: Path) -> Labels:
    """Read a label image of anybody's, a TIFF or PNG of one plane of whole numbers; shape (H, W).

    Raises:
        InputError: It cannot be read, has other than one plane or other than whole numbers, or too many cells.
    """
    with reading(path):
        if path.suffix.lower() == ".png":
            labels = imagecodecs.png_decode(path.read_bytes())
        else:
            with tifffile.TiffFile(path) as tiff:
                check_pixels(path, *tiff.pages[0].shape[:2])
                labels = tiff.asarray()
    labels = np.squeeze(labels) if labels.ndim > 2 else labels
    if labels.ndim != 2:
        raise InputError(f"{path} has the shape {labels.shape}: a label image has one plane, a number a cell")
    if labels.dtype == bool or not np.array_equal(labels, np.abs(np.rint(labels))):
        raise InputError(f"{path} holds {labels.dtype} that are no numbers of cells: save labels, not probabilities")
    return _renumbered(path, labels)


def _renumbered(path: Path, labels: npt.NDArray[np.generic]) -> Labels:
    """The same labels in 16 bits; numbered anew, in their order, only where they do not fit into these."""
    if labels.max(initial=0) <= MOST_CELLS:
        return np.asarray(labels, np.uint16)
    numbers, places = np.unique(labels, return_inverse=True)
    background = int(numbers[0] == 0)
    if len(numbers) - background > MOST_CELLS:
        raise InputError(f"{path} has {len(numbers) - background} cells, more than {MOST_CELLS}")
    return np.asarray(places.reshape(labels.shape) + 1 - background, np.uint16)


def _colors() -> npt.NDArray[np.uint8]:
    """What ImageJ shows the values of its 256 steps as, shape (3, 256): black, then colours far from one another."""
    hue = np.arange(256) * 0.618034 % 1
    wave = np.abs((hue[None] * 6 + np.array([[0], [4], [2]])) % 6 - 3) - 1
    colors = (np.clip(wave, 0, 1) * 0.75 + 0.25) * 255
    colors[:, 0] = 0
    return np.asarray(colors, np.uint8)
