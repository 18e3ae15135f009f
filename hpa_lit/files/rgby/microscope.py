"""Files of microscopes that bioio reads by its plug-ins: several images in each, their scenes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hpa_lit.errors import InputError
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.stack import Plane, Stack, stack_of

MAKERS = {".nd2": "Nikon", ".czi": "Zeiss", ".lif": "Leica"}


def scenes(path: Path) -> list[str]:
    """The images in a file; one without a name where it cannot be read, which reading it will say."""
    try:
        with reading(path):
            from bioio import BioImage

            return list(BioImage(path).scenes)
    except InputError:
        return [""]


@contextmanager
def microscope_stack(path: Path, scene: str | None) -> Iterator[Stack]:
    """Open an image in a file.

    Raises:
        InputError: bioio or its plug-in is not installed; or the file cannot be read, or is not of 8 or 16 bits.
    """
    with reading(path):
        try:
            from bioio import BioImage
            from bioio_base.exceptions import UnsupportedFileFormatError
        except ImportError:
            raise _unread(path) from None
        try:
            image = BioImage(path)
        except UnsupportedFileFormatError:
            raise _unread(path) from None
        if scene:
            image.set_scene(scene)
        if image.dtype not in (np.uint8, np.uint16):
            raise InputError(f"{path}: pixels are {image.dtype}; save them as 8-bit or unsigned 16-bit")

        def read(at: Mapping[str, int]) -> Plane:
            plane: Plane = image.get_image_dask_data("YX", **at).compute()
            return plane

        names = list(map(str, image.channel_names))
        if path.suffix.lower() == ".lif":  # these are the colors that its program shows channels in, whatever they are
            names = [f"shown in {name}" for name in names]
        yield stack_of(path, image.dims.order, image.shape, names, image.physical_pixel_sizes.X, read)


def _unread(path: Path) -> InputError:
    return InputError(
        f"{path} is a file of {MAKERS[path.suffix.lower()]}'s: pip install 'hpa-lit[formats]' reads it, or save its "
        "images as OME-TIFF, as its own program and Fiji do"
    )
