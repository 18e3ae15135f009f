"""How a stack of planes lies in a TIFF of ours, and reading it back without what a reader of any TIFF must do.

tifffile opens every TIFF there is; finding out what it holds takes longer than loading an uncompressed image. Files
that bear our name in their Software tag are classic little-endian TIFFs, a header and one strip a uint8 plane.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tifffile
from tifffile import COMPRESSION, PREDICTOR

Planes = npt.NDArray[np.uint8]
Compression = Literal["deflate", "zstd", "none"]

SOFTWARE = "hpa_lit"
# The numbers of tags in a header.
_WIDTH, _HEIGHT, _COMPRESSION, _OFFSET, _SIZE, _SOFTWARE, _PREDICTOR = 256, 257, 259, 273, 279, 305, 317
_DECODERS: dict[int, Callable[..., Any]] = {
    COMPRESSION.ADOBE_DEFLATE: imagecodecs.deflate_decode,
    COMPRESSION.ZSTD: imagecodecs.zstd_decode,
}


def write(path: Path, planes: Planes, compression: Compression, metadata: dict[str, Any]) -> None:
    """Write an OME-TIFF, the same bytes for the same arguments.

    Args:
        path: Where to.
        planes: Shape (C, H, W).
        compression: How, see benchmarks/compression.md.
        metadata: Of OME, as tifffile takes it.
    """
    data: Planes | Iterator[bytes] = planes
    encoding: dict[str, Any] = {}
    if compression == "deflate":
        # Level 6 takes up to twice the time and saves under 2 %.
        encoding = {"compression": "zlib", "compressionargs": {"level": 1}, "predictor": True}
    elif compression == "zstd":
        # Below level 1 Zstandard leaves out the entropy codes: a tenth larger, and decoded three times as fast.
        # tifffile has no such levels, so it gets the planes encoded.
        codec = pa.Codec("zstd", -1)
        data, encoding = (codec.compress(plane, asbytes=True) for plane in planes), {"compression": "zstd"}
    tifffile.imwrite(
        path,
        data,
        shape=planes.shape,
        dtype=planes.dtype,
        ome=True,
        photometric="minisblack",
        rowsperstrip=planes.shape[1],
        software=SOFTWARE,
        metadata=metadata,
        **encoding,
    )


def read(path: Path) -> Planes | None:
    """The planes (C, H, W) of a file that `write` made, not to be written to; None of any other file.

    Raises:
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
    pages = [first, *headers]
    shape = (len(pages), first[_HEIGHT], first[_WIDTH])
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
