"""What a picture's header says, without its pixels."""

import io
import math
from pathlib import Path

from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files.limits import check_pixels
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.finding import COLORS, TIFF_SUFFIXES
from hpa_lit.files.rgby.tiff import open_tiff

# Of Pillow's. A name does not bind what a file holds, and others run programs (EPS) or have decoders that few look at.
FORMATS = ("PNG", "JPEG")
_END = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}


def stack_planes(path: Path) -> int:
    """How many planes a TIFF holds, from its header."""
    with open_tiff(path) as tiff:
        page = tiff.pages.first
        return math.prod(tiff.series[0].shape) // (page.imagelength * page.imagewidth)


def size(path: Path, stack: int = 0) -> tuple[int, int]:
    """Height and width of a picture, from its header, and a look whether its end is there.

    Args:
        path: A picture.
        stack: Planes that it must hold at least, of at most four; 0 where it is one plane.

    Raises:
        InputError: The file is absent, no picture, cut short, or of pixels or planes that `read` refuses.
    """
    if path.name.lower().endswith(TIFF_SUFFIXES):
        with open_tiff(path) as tiff:
            page, shape = tiff.series[0].keyframe, tiff.series[0].shape
            height, width = page.imagelength, page.imagewidth
        if stack and not stack <= math.prod(shape) / (height * width) <= len(COLORS):
            raise InputError(f"{path} has shape {shape}: expected {expected_planes(stack)}")
        return height, width
    with reading(path):
        with Image.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            check_pixels(path, height, width)
            end_mark = _END[picture.format or ""]
        with path.open("rb") as file:
            file.seek(-min(64, path.stat().st_size), io.SEEK_END)
            if end_mark not in file.read():
                raise InputError(f"{path} is cut short")
    return height, width


def expected_planes(least: int) -> str:
    """What to say of a file that should hold at least so many planes."""
    if least == len(COLORS):
        return "four channels, or three for a model of data.channels=rgb, or a name that ends in _<color>"
    return "three or four channels, or a name that ends in _<color>"
