"""How planes lie in the files of an image, where somebody says so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hpa_lit.files.rgby.finding import ImageFiles

Slices = Literal["max"] | int | None  # of a Z stack: its brightest pixels, one slice, counted from 0, or none
PixelSize = Literal["auto"] | float | None  # in micrometres; auto: what the file says


@dataclass(frozen=True)
class Layout:
    """What is to be known to read an image beside its files.

    Args:
        planes: The channel of each color in files of several: its name, or its number, counted from 0; none where the
            files name them, or have them in the order of the colors.
        z: What becomes of Z stacks; None refuses them.
        scene: Which of the images of a file of several.
        pixel_size: Of the files.
        field: Side of the square, in micrometres, that is cut out of the middle or filled up with black; None leaves
            images as they are.
    """

    planes: tuple[tuple[str, str | int], ...] = ()
    z: Slices = None
    scene: str | None = None
    pixel_size: PixelSize = None
    field: float | None = None


class LaidOut(dict[str, Path]):
    """The files of an image, which know how they are laid out."""

    def __init__(self, files: Mapping[str, Path], layout: Layout) -> None:
        super().__init__(files)
        self.layout = layout


PLAIN = Layout()


def layout_of(files: ImageFiles) -> Layout:
    """How the files of an image are laid out."""
    return files.layout if isinstance(files, LaidOut) else PLAIN


def uncut(files: ImageFiles) -> ImageFiles:
    """The same files, read as they are: without a field that their layout cuts out of them."""
    layout = layout_of(files)
    return files if layout.field is None else LaidOut(files, replace(layout, field=None))
