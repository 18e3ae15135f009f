"""Any TIFF, also inside gzip."""

import gzip
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile
from tifffile import COMPRESSION

from hpa_lit.errors import InputError
from hpa_lit.files import stack_tiff
from hpa_lit.files.limits import MOST_PAGES, MOST_PIXELS, MOST_STACK, check_pixels
from hpa_lit.files.names import printable
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.finding import COLORS
from hpa_lit.files.rgby.stack import SLICES, Plane, Read, Stack, in_micrometres, of_array, stack_of
from hpa_lit.files.rgby.words import is_known

# Decoders of JPEG, JPEG 2000 and the like take the memory that their own headers name, which nobody has looked at.
COMPRESSIONS = {
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.LZMA,
    COMPRESSION.ZSTD,
}


def read_own(path: Path) -> npt.NDArray[np.uint8] | None:
    """The planes (C, H, W) of a TIFF that `stack_tiff` wrote, fast; None of any other file.

    Raises:
        InputError: It cannot be read.
    """
    if not path.name.lower().endswith((".tif", ".tiff")):
        return None
    with reading(path):
        return stack_tiff.read(path)


@contextmanager
def tiff_stack(path: Path) -> Iterator[Stack]:
    """Open any TIFF as a stack.

    Raises:
        InputError: It cannot be read, or is of a kind that `open_tiff` refuses.
    """
    with open_tiff(path) as tiff:
        series = tiff.series[0]
        images = sum(each.shape == series.shape for each in tiff.series)
        yield stack_of(path, series.axes, series.shape, *_described(tiff), _planes(series), images)


@contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF, and see that what its headers say of its first series can be.

    Raises:
        InputError: It is damaged, cut short, too large, not of 8 or 16 bits, or compressed in a way that is not among
            `COMPRESSIONS`; also where what reads from it fails.
    """
    # A picture is one file, whatever others its metadata names.
    with reading(path), tifffile.TiffFile(_unzipped(path), _multifile=False, is_mmstack=False, is_ndtiff=False) as tiff:
        if _described_planes(tiff) > MOST_PAGES:
            raise InputError(f"{path}: its headers describe more than the planes of one image")
        _check_series(path, tiff.series[0], tiff.filehandle.size)
        yield tiff


def _planes(series: tifffile.TiffPageSeries) -> Read:
    """Reads planes of a series; all at once where they are those of an image, else page by page."""
    if math.prod(series.shape) <= len(COLORS) * MOST_PIXELS:
        return of_array(series.asarray, series.axes)
    if series.dataoffset is not None:
        return of_array(lambda: series.asarray(out="memmap"), series.axes)
    leading = {axis: n for axis, n in zip(series.axes, series.shape, strict=True) if axis not in "YX"}

    def read(at: Mapping[str, int]) -> Plane:
        place = np.ravel_multi_index([at.get(axis, 0) for axis in leading], list(leading.values()))
        page = series.pages[int(place)]
        assert page is not None  # `_check_series` has looked at all
        return page.asarray()

    return read


def _described(tiff: tifffile.TiffFile) -> tuple[Sequence[str], float | None]:
    """What metadata of OME or ImageJ says of the first image: the names of its channels, and the size of a pixel."""
    if getattr(tiff.pages.first, "software", "") == stack_tiff.SOFTWARE:
        return COLORS, None
    if tiff.is_imagej:
        said = tiff.imagej_metadata or {}
        labels = list(map(str, said.get("Labels") or []))  # free text, such as the names of files
        tag = tiff.pages.first.tags.get("XResolution")
        across, pixels = tag.value if tag and isinstance(tag.value, tuple) else (0, 1)
        size = in_micrometres(pixels / across, said.get("unit")) if across else None
        return labels if all(map(is_known, labels)) else [], size
    try:
        image = next(_named(ElementTree.fromstring(tiff.ome_metadata or ""), "Pixels"), None)
    except ElementTree.ParseError:
        return [], None
    if image is None:
        return [], None
    names = [channel.get("Name") or channel.get("Fluor") or "" for channel in _named(image, "Channel")]
    across = float(image.get("PhysicalSizeX", 0))
    return names, in_micrometres(across, image.get("PhysicalSizeXUnit", "µm"))


def _named(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (each for each in element.iter() if each.tag.rpartition("}")[2] == name)


def _described_planes(tiff: tifffile.TiffFile) -> int:
    """How many pages tifffile may make lists of to find series, or `MOST_PAGES` + 1, which is more than may be."""
    with suppress(IndexError):
        tiff.pages[MOST_PAGES]  # not their number: those that lead in a circle have none
        return MOST_PAGES + 1
    try:
        elements = list(ElementTree.fromstring(tiff.ome_metadata or "").iter())
    except ElementTree.ParseError:
        elements = []  # none, or one that tifffile does not look at either
    smallest = min((max(1, math.prod(page.shape)) for page in tiff.pages), default=1) if elements else 1
    most = 0
    for element in elements:
        kind = element.tag.rpartition("}")[2]
        if kind == "Pixels":
            most = max(most, math.prod(int(element.get(f"Size{axis}", 1)) for axis in "XYZCT") // smallest)
        elif kind == "TiffData":
            most = max(most, *(int(element.get(count, 0)) for count in ("PlaneCount", "NumPlanes")))
        elif kind.startswith("ModuloAlong"):  # lifetimes, angles and the like, by their first, last and step
            most = MOST_PAGES + 1
    return most


def _check_series(path: Path, series: tifffile.TiffPageSeries, size: int) -> None:
    page = series.keyframe
    check_pixels(path, page.imagelength, page.imagewidth)
    if page.is_tiled:
        check_pixels(path, page.tiledepth * page.tilelength, page.tilewidth)
    if math.prod(series.shape) > (MOST_STACK if SLICES in series.axes else len(COLORS) * MOST_PIXELS):
        raise InputError(f"{path} has shape {series.shape}: expected the planes of one image")
    if series.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: pixels are {series.dtype}; save them as 8-bit or unsigned 16-bit")
    if page.compression not in COMPRESSIONS:
        name = printable(str(getattr(page.compression, "name", page.compression)))  # a damaged tag may be a text
        raise InputError(
            f"{path} is compressed by {name}: save it without compression, or by PackBits, Deflate, LZW or Zstandard"
        )
    if series.dataoffset is not None:  # one block, whatever the pages
        end = series.dataoffset + series.nbytes
    else:
        # tifffile puts zeros where there is nothing.
        planes = [[] if p is None else list(zip(p.dataoffsets, p.databytecounts, strict=True)) for p in series.pages]
        if any(len(parts) < math.prod(page.chunked) or not all(map(all, parts)) for parts in planes):
            raise InputError(f"{path} lacks planes, or parts of planes, that its headers name")
        end = max(offset + count for parts in planes for offset, count in parts)
    if end > size:
        raise InputError(f"{path} is cut short")


def _is_zipped(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _unzipped(path: Path) -> Path | io.BytesIO:
    """The file, or what a file that ends in .gz holds."""
    if not _is_zipped(path):
        return path
    most = len(COLORS) * 2 * MOST_PIXELS  # bytes of the largest image, and what tells that there are more
    with gzip.open(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path} unzips to more than {most:,} bytes: cut it into single fields of cells")
    return io.BytesIO(content)
