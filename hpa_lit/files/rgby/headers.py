"""What a picture's header says, without its pixels."""

import io
import math
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from hpa_lit.errors import InputError
from hpa_lit.files.rgby.finding import COLORS, TIFF_SUFFIXES
from hpa_lit.files.rgby.tiff import read_tiff, unzipped


def stack_planes(path: Path) -> int:
    """How many planes a TIFF holds, from its header."""
    try:
        with tifffile.TiffFile(unzipped(path)) as tiff:
            page = tiff.pages.first
            return math.prod(tiff.series[0].shape) // (page.imagelength * page.imagewidth)
    except (OSError, EOFError, zlib.error, tifffile.TiffFileError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def size(path: Path, stack: int = 0) -> tuple[int, int]:
    """Height and width of a picture, from its header, and a look whether its end is there.

    Args:
        path: A picture.
        stack: Planes that it must hold at least, of at most four; 0 where it is one plane.

    Raises:
        InputError: The file is absent, no picture, cut short, or of pixels or planes that `read` refuses.
    """
    name = path.name.lower()
    try:
        if name.endswith(".gz"):
            pixels = read_tiff(path)
            height, width = pixels.shape[:2] if pixels.shape[-1] in (3, 4) else pixels.shape[-2:]
            return height, width
        if name.endswith(TIFF_SUFFIXES):
            with tifffile.TiffFile(path) as tiff:
                page = tiff.pages.first
                end = max(
                    (o + n for p in tiff.pages for o, n in zip(p.dataoffsets, p.databytecounts, strict=True)), default=0
                )
                if end > path.stat().st_size:
                    raise InputError(f"{path} is cut short")
                height, width = page.imagelength, page.imagewidth
                shape = tiff.series[0].shape
                if page.dtype not in (np.uint8, np.uint16):
                    raise InputError(f"{path}: pixels are {page.dtype}; save them as 8-bit or unsigned 16-bit")
                if stack and not stack <= math.prod(shape) / (height * width) <= len(COLORS):
                    raise InputError(f"{path} has shape {shape}: expected {expected_planes(stack)}")
                return height, width
        with Image.open(path) as picture:
            width, height = picture.size
            end_mark = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}.get(picture.format or "", b"")
        with path.open("rb") as file:
            file.seek(-min(64, path.stat().st_size), io.SEEK_END)
            if end_mark not in file.read():
                raise InputError(f"{path} is cut short")
        return height, width
    except (OSError, UnidentifiedImageError, tifffile.TiffFileError, SyntaxError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def expected_planes(least: int) -> str:
    """What to say of a file that should hold at least so many planes."""
    if least == len(COLORS):
        return "four channels, or three for a model of data.channels=rgb, or a name that ends in _<color>"
    return "three or four channels, or a name that ends in _<color>"
