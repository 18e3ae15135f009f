"""An image in OME-Zarr, of version 0.4 or 0.5, at its full size."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hpa_lit.errors import InputError
from hpa_lit.files.limits import MOST_PIXELS
from hpa_lit.files.names import fault
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.stack import Stack, in_micrometres, of_array, stack_of

# Others may run what a file holds, as numcodecs' pickle does.
CODECS = {"blosc", "zstd", "zlib", "gzip", "lz4", "bytes", "transpose", "crc32c", "sharding_indexed"}


@contextmanager
def zarr_stack(path: Path) -> Iterator[Stack]:
    """Open an image.

    Raises:
        InputError: zarr is not installed; or it is a plate or no image, cannot be read, or is not of 8 or 16 bits.
    """
    try:
        import zarr
    except ImportError:
        raise InputError(f"{path} is an OME-Zarr: pip install 'hpa-lit[formats]' reads it") from None
    with reading(path, folder=True):
        attributes = _attributes(path)
        if "multiscales" not in attributes:
            what = "a plate" if "plate" in attributes else "no image of OME-Zarr"
            raise InputError(f"{path} is {what}: give a folder of its images, each <Id>.zarr")
        scales = attributes["multiscales"][0]
        full = scales["datasets"][0]
        if any(map(fault, full["path"].split("/"))):
            raise InputError(f"{path}: its image leads out of it, to {full['path']!r}")
        _refuse_codecs(path / full["path"])
        array: Any = zarr.open_array(str(path / full["path"]), mode="r")
        if array.dtype not in (np.uint8, np.uint16):
            raise InputError(f"{path}: pixels are {array.dtype}; save them as 8-bit or unsigned 16-bit")
        if math.prod(array.chunks) > 4 * MOST_PIXELS:
            raise InputError(f"{path} is stored in blocks of {array.chunks}: expected those of one image")
        axes = "".join(axis["name"].upper() for axis in scales["axes"])
        names = [channel.get("label", "") for channel in attributes.get("omero", {}).get("channels", [])]
        yield stack_of(path, axes, array.shape, names, _pixel_size(scales, full), of_array(lambda: array, axes))


def _attributes(path: Path) -> Mapping[str, Any]:
    """What the metadata of a group says; nothing of what is no group."""
    for name, key in (("zarr.json", "attributes"), (".zattrs", None)):
        if (path / name).is_file():
            content = json.loads((path / name).read_text())
            attributes = content.get(key, {}) if key else content
            said: Mapping[str, Any] = attributes.get("ome", attributes)
            return said
    return {}


def _refuse_codecs(array: Path) -> None:
    """Raise `InputError` where the metadata of an array name a decoder that is not among `CODECS`."""
    name = "zarr.json" if (array / "zarr.json").is_file() else ".zarray"
    wanted = {str(found) for found in _named(json.loads((array / name).read_text()))}
    if others := sorted(wanted - CODECS):
        raise InputError(f"{array} is encoded by {', '.join(others)}: save it by one of {', '.join(sorted(CODECS))}")


def _named(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The decoders that metadata of an array name, and those in them."""
    for key in ("codecs", "index_codecs", "filters", "compressor"):
        found = metadata.get(key) or []
        for codec in found if isinstance(found, list) else [found]:
            yield codec.get("name") or codec.get("id")
            yield from _named(codec.get("configuration", {}))


def _pixel_size(scales: Mapping[str, Any], full: Mapping[str, Any]) -> float | None:
    """In micrometres; None where no unit is given."""
    names = [axis["name"] for axis in scales["axes"]]
    across, size = names.index("x"), 1.0
    for change in [*full.get("coordinateTransformations", []), *scales.get("coordinateTransformations", [])]:
        size *= change["scale"][across] if change["type"] == "scale" else 1
    return in_micrometres(size, scales["axes"][across].get("unit"))
