"""Opening whatever file planes lie in."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from hpa_lit.errors import InputError
from hpa_lit.files.rgby.microscope import MAKERS, microscope_stack
from hpa_lit.files.rgby.ome_zarr import zarr_stack
from hpa_lit.files.rgby.stack import SLICES, Read, Stack
from hpa_lit.files.rgby.tiff import tiff_stack

ZARR = ".zarr"
UNNAMED = ("I", "Q")  # tifffile's letters for axes that nothing names


def open_stack(path: Path, scene: str | None = None) -> AbstractContextManager[Stack]:
    """Open a file of several planes; where it has several images, the scene of this name.

    Raises:
        InputError: It cannot be read, or is of a kind that is not read here.
    """
    suffix = path.suffix.lower()
    if suffix == ZARR:
        return zarr_stack(path)
    return microscope_stack(path, scene) if suffix in MAKERS else tiff_stack(path)


@contextmanager
def open_plane(path: Path) -> Iterator[Stack]:
    """Open a TIFF of one plane, which may have slices, or be a coloured picture of axes ``YXS``.

    Raises:
        InputError: It cannot be read, or has other axes.
    """
    with tiff_stack(path) as stack:
        pages = stack.channel_axis
        if pages in UNNAMED and SLICES not in stack.axes:  # one plane's: what else than slices
            stack = replace(stack, axes=stack.axes.replace(pages, SLICES), read=_of_slices(stack.read, pages))
        elif pages and not (stack.axes == "YXS" and stack.channels in (3, 4)):
            raise InputError(f"{path} is no single plane: its shape is {stack.shape}")
        yield stack


def _of_slices(read: Read, axis: str) -> Read:
    """Reads planes by their slices, which are places of this axis."""
    return lambda at: read({axis: at[SLICES]})
