"""Any TIFF, also inside gzip."""

import gzip
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files import stack_tiff


def read_tiff(path: Path) -> npt.NDArray[np.generic]:
    """The pixels of any TIFF, axes of length 1 left out; fast where `stack_tiff` wrote it."""
    try:
        source = unzipped(path)
        planes = stack_tiff.read(source) if isinstance(source, Path) else None
        pixels: npt.NDArray[np.generic] = np.squeeze(tifffile.imread(source)) if planes is None else planes
        return pixels
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # decoders of damaged TIFFs raise whatever their libraries raise
        raise InputError(f"{path} cannot be read: {error}") from error


def unzipped(path: Path) -> Path | io.BytesIO:
    """The file, or what a file that ends in .gz holds."""
    return io.BytesIO(gzip.decompress(path.read_bytes())) if path.name.lower().endswith(".gz") else path
