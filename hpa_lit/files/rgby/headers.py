"""What the headers of an image say, without its pixels."""

import io
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files.limits import MOST_PIXELS, check_pixels
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.finding import COLORS, STACK, TIFF_SUFFIXES, ImageFiles
from hpa_lit.files.rgby.layout import Layout, layout_of
from hpa_lit.files.rgby.opening import open_plane, open_stack
from hpa_lit.files.rgby.tiff import open_tiff

# Of Pillow's. A name does not bind what a file holds, and others run programs (EPS) or have decoders that few look at.
FORMATS = ("PNG", "JPEG")
SHOWN = 3  # ways to take files that are said one by one
_END = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}


@dataclass(frozen=True)
class Header:
    """What is known of an image before its pixels are read.

    Args:
        size: Height and width.
        colors: The planes that there are.
        taken: What was taken for what, in words; empty where the files say it in our own.
        pixel_size: In micrometres, as the file says it; None where it does not.
    """

    size: tuple[int, int]
    colors: tuple[str, ...]
    taken: str = ""
    pixel_size: float | None = None


def header(files: ImageFiles, needed: Collection[str] = ()) -> Header:
    """Read the headers of an image.

    Args:
        files: Its files, as `list_images` gives them.
        needed: Colors that there must be; of planes in files of their own, others are not looked at then.

    Raises:
        InputError: A file is absent, no picture, cut short, or not what its layout says; a plane is not there; or
            planes differ in size.
    """
    layout = layout_of(files)
    if STACK in files:
        with open_stack(files[STACK], layout.scene) as stack:
            stack.check(layout.z)
            places = stack.places(dict(layout.planes), needed)
            return Header(stack.size, tuple(places), stack.taken(layout, places), stack.pixel_size)
    looked_at = needed or [color for color in COLORS if color in files]
    there = {color: _plane(files[color], layout) for color in looked_at}
    if len({plane.size for plane in there.values()}) > 1:
        sizes = ", ".join(f"{color} {plane.size[0]} x {plane.size[1]}" for color, plane in there.items())
        raise InputError(f"planes differ in size: {sizes}")
    return replace(next(iter(there.values())), colors=tuple(there))


def field_pixels(files: ImageFiles) -> int:
    """Side in pixels of the square that an image's layout cuts out of it, or fills up.

    Raises:
        InputError: The image does not say its pixel size, or the square would be too large.
    """
    layout, first = layout_of(files), next(iter(files.values()))
    size_ = header(files).pixel_size if layout.pixel_size == "auto" else layout.pixel_size
    if not size_ or layout.field is None:
        raise InputError(f"{first} does not say its pixel size: set pixel_size=NUMBER, in micrometres")
    side = round(layout.field / size_)
    if not 0 < side**2 <= MOST_PIXELS:
        raise InputError(
            f"pixel_size={size_:g}: the field that the network sees, {layout.field:g} micrometres, would have "
            f"{side} x {side} pixels of {first}: is that its pixel size?"
        )
    return side


def _plane(path: Path, layout: Layout) -> Header:
    """What a file of one plane says."""
    if path.name.lower().endswith(TIFF_SUFFIXES):
        with open_plane(path) as stack:
            stack.check(layout.z)
            return Header(stack.size, (), stack.slices(layout.z), stack.pixel_size)
    return Header(size(path), ())


def said_of(taken: Sequence[str]) -> list[str]:
    """What was taken for what in images, the commonest first: a line each, with how many there are.

    Args:
        taken: Of each image, as its header has it.
    """
    counts = Counter(filter(None, taken))
    lines = [f"{count} of {len(taken)} images: {said}" for said, count in counts.most_common(SHOWN)]
    if rest := counts.total() - sum(count for _, count in counts.most_common(SHOWN)):
        lines.append(f"{rest} of {len(taken)} images: in {len(counts) - SHOWN} other ways")
    return lines


def size(path: Path) -> tuple[int, int]:
    """Height and width of a picture, from its header, and a look whether its end is there.

    Raises:
        InputError: The file is absent, no picture, cut short, or of pixels or planes that `read` refuses.
    """
    if path.name.lower().endswith(TIFF_SUFFIXES):
        with open_tiff(path) as tiff:
            page = tiff.series[0].keyframe
            return page.imagelength, page.imagewidth
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
