"""Writing an image as one 4-channel TIFF."""

import hashlib
import re
import uuid
from pathlib import Path

import numpy as np
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files import stack_tiff
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.finding import COLORS, Pixels
from hpa_lit.files.writing import replacing

_SHOWN = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))  # the colours of the planes in viewers


def write(path: Path, image: Pixels, image_id: str, compression: stack_tiff.Compression = "packbits") -> None:
    """Write an image as one 4-channel OME-TIFF, the same bytes for the same arguments.

    Args:
        path: Where to; written beside it and renamed.
        image: Array of shape (H, W, 4).
        image_id: The image's name. Together with the pixels it determines the OME UUID, see `content_uuid`.
        compression: packbits; deflate, the smallest; zstd, which ImageJ refuses; none, the fastest. Lossless all.
    """
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    digest = hashlib.sha256(planes.data).hexdigest()
    content = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{image_id} {digest}"))
    # Not synced, which takes 8 ms an image: training looks at each before it begins.
    with replacing(path, sync=False) as temporary:
        stack_tiff.write(temporary, planes, compression, image_id, content, dict(zip(COLORS, _SHOWN, strict=True)))


def content_uuid(path: Path) -> str:
    """The UUID of a file that `write` made: another one as soon as its Id or a pixel differs."""
    with reading(path), tifffile.TiffFile(path) as tiff:
        found = re.search(r'UUID="urn:uuid:([0-9a-f-]{36})"', tiff.ome_metadata or "")
    if not found:
        raise InputError(f"{path} was not written by hpa_lit: it has no OME UUID")
    return found[1]
