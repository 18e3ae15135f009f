"""Micrographs as a report shows them: the protein alone, two pictures side by side, activation maps."""

import io
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from hpa_lit.errors import InputError, listing
from hpa_lit.files.rgby import COLORS, PROTEIN, ImageFiles, Pixels


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


def protein(image: Pixels) -> Pixels:
    """The green plane in grey, stretched so that all but its brightest thousandth lies below white.

    Args:
        image: Shape (H, W, C), red, green and blue first, 0..255.

    Returns:
        Shape (H, W, 3).
    """
    green = image[:, :, COLORS.index(PROTEIN)]
    white = max(float(np.quantile(green, 0.999)), 1.0)
    grey = np.clip(green * (255 / white), 0, 255).round().astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


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
    """An RGB picture (H, W, 3) as the bytes of a "jpeg" or "png"."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **({"quality": 82} if kind == "jpeg" else {}))
    return buffer.getvalue()
