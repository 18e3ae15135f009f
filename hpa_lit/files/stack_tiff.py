"""How a stack of planes lies in a TIFF of ours, and reading it back without what a reader of any TIFF must do.

tifffile opens every TIFF there is; finding out what it holds takes longer than loading an uncompressed image. Files
that bear our name in their Software tag are classic little-endian TIFFs, a header and one strip a uint8 plane.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tifffile
from tifffile import COMPRESSION, DATATYPE, PREDICTOR

from hpa_lit.files.limits import check_pixels

Planes = npt.NDArray[np.uint8]
RGB = tuple[int, int, int]
Compression = Literal["packbits", "deflate", "zstd", "none"]

SOFTWARE = "hpa_lit"
# The numbers of tags in a header.
_WIDTH, _HEIGHT, _COMPRESSION, _DESCRIPTION = 256, 257, 259, 270
_OFFSET, _SIZE, _SOFTWARE, _PREDICTOR = 273, 279, 305, 317
_MOST_PLANES = 4  # of an image; there is memory for no more
_DECODERS: dict[int, Callable[..., Any]] = {
    COMPRESSION.PACKBITS: imagecodecs.packbits_decode,
    COMPRESSION.ADOBE_DEFLATE: imagecodecs.deflate_decode,
    COMPRESSION.ZSTD: imagecodecs.zstd_decode,
}


def write(
    path: Path, planes: Planes, compression: Compression, name: str, uuid: str, channels: Mapping[str, RGB]
) -> None:
    """Write an OME-TIFF that ImageJ, too, shows as a composite of its channels; the same bytes for the same arguments.

    It has two descriptions, OME-XML and then ImageJ's: Bio-Formats and tifffile look at the first, ImageJ at the last.
    libtiff warns of the second and goes on. ImageJ takes names for the channels from files without compression alone.

    Args:
        path: Where to.
        planes: Shape (C, H, W).
        compression: How, see benchmarks/compression.md.
        name: Of the image.
        uuid: Of the file.
        channels: Their names, and the colours to show them in.
    """
    data: Planes | Iterator[bytes] = planes
    encoding: dict[str, Any] = {}
    if compression == "packbits":
        encoding = {"compression": "packbits"}
    elif compression == "deflate":
        # Level 6 takes half as long again and saves 2 %. Of a predictor ImageJ shows other pixels, without a word.
        encoding = {"compression": "zlib", "compressionargs": {"level": 1}}
    elif compression == "zstd":
        # Below level 1 Zstandard leaves out the entropy codes: a tenth larger, and decoded twice as fast.
        # tifffile has no such levels, so it gets the planes encoded.
        codec = pa.Codec("zstd", -1)
        data, encoding = (codec.compress(plane, asbytes=True) for plane in planes), {"compression": "zstd"}
    descriptions = _ome(planes, name, uuid, channels), _imagej(len(planes))
    shown = {"Labels": list(channels), "LUTs": [_ramp(color) for color in channels.values()]}
    tifffile.imwrite(
        path,
        data,
        shape=planes.shape,
        dtype=planes.dtype,
        byteorder="<",
        photometric="minisblack",
        rowsperstrip=planes.shape[1],
        software=SOFTWARE,
        metadata=None,
        extratags=[
            *((_DESCRIPTION, DATATYPE.ASCII, 0, text, True) for text in descriptions),
            *tifffile.imagej_metadata_tag(shown, "<"),
        ],
        **encoding,
    )


def read(path: Path) -> Planes | None:
    """The planes (C, H, W) of a file that `write` made, not to be written to; None of any other file.

    Raises:
        InputError: Its header names more pixels than an image can have.
        OSError, ValueError, RuntimeError, struct.error: The file is not there or damaged.
    """
    with path.open("rb") as file:
        if file.read(4) != b"II*\0":
            return None
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    headers = _headers(content)
    first = next(headers)
    name = first.get(_SOFTWARE, 0)
    if content[name : name + len(SOFTWARE) + 1] != f"{SOFTWARE}\0".encode():
        return None
    pages = [first, *islice(headers, _MOST_PLANES)]
    shape = (len(pages), first[_HEIGHT], first[_WIDTH])
    check_pixels(path, *shape[1:])
    if len(pages) > _MOST_PLANES:
        raise ValueError(f"it has more than {_MOST_PLANES} planes")
    if first[_COMPRESSION] == COMPRESSION.NONE:  # then the planes follow on each other
        return np.frombuffer(content, np.uint8, first[_SIZE] * len(pages), first[_OFFSET]).reshape(shape)
    planes, stored = np.empty(shape, np.uint8), memoryview(content)
    decode = _DECODERS[first[_COMPRESSION]]
    for page, plane in zip(pages, planes.reshape(len(pages), -1), strict=True):
        pixels = decode(stored[page[_OFFSET] : page[_OFFSET] + page[_SIZE]], out=plane)
        if len(pixels) != plane.size:
            raise ValueError(f"a plane has {len(pixels)} of {plane.size} pixels")
    if first.get(_PREDICTOR) == PREDICTOR.HORIZONTAL:
        imagecodecs.delta_decode(planes, axis=-1, out=planes)
    return planes


def _headers(content: mmap.mmap) -> Iterator[dict[int, int]]:
    """The headers of a classic little-endian TIFF: the values by tag, or where those lie that take over 4 bytes."""
    (offset,) = struct.unpack_from("<I", content, 4)
    while offset:
        (count,) = struct.unpack_from("<H", content, offset)
        end = offset + 2 + 12 * count
        yield {tag: value for tag, _, _, value in struct.iter_unpack("<HHII", content[offset + 2 : end])}
        before, (offset,) = offset, struct.unpack_from("<I", content, end)
        if 0 < offset <= before:
            raise ValueError("its headers lead in a circle")


def _ome(planes: Planes, name: str, uuid: str, channels: Mapping[str, RGB]) -> bytes:
    count, height, width = planes.shape
    colors = [int.from_bytes((*color, 255), "big", signed=True) for color in channels.values()]  # RGBA
    ome = tifffile.OmeXml(UUID=uuid)
    ome.addimage(
        planes.dtype,
        planes.shape,
        (count, 1, 1, height, width, 1),
        axes="CYX",
        Name=name,
        Channel={"Name": list(channels), "Color": colors},
    )
    return str(ome.tostring(declaration=True)).encode()


def _imagej(count: int) -> bytes:
    return f"ImageJ=1.11a\nimages={count}\nchannels={count}\nhyperstack=true\nmode=composite\n".encode()


def _ramp(color: RGB) -> Planes:
    """What ImageJ shows the values 0 to 255 as, shape (3, 256): black to the colour."""
    return (np.outer(color, np.arange(256)) // 255).astype(np.uint8)
