"""A file of several planes: its axes, what its channels are called, and one plane of it at a time."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError
from hpa_lit.files.limits import MOST_STACK, check_pixels
from hpa_lit.files.rgby import words
from hpa_lit.files.rgby.finding import COLORS
from hpa_lit.files.rgby.layout import Layout, Slices

Plane = npt.NDArray[np.generic]
Read = Callable[[Mapping[str, int]], Plane]
SLICES = "Z"


@dataclass(frozen=True)
class Stack:
    """What a file holds.

    Args:
        path: Of the file.
        axes: A letter an axis, in order: ``ZCYX``; those of length 1 are left out, but Y and X.
        shape: Their lengths.
        names: Of the channels, as many as the file gives.
        pixel_size: In micrometres; None where the file does not say it.
        read: The plane (H, W) at places of the axes but Y and X.
        images: How many images the file has, of which this is one.
    """

    path: Path
    axes: str
    shape: tuple[int, ...]
    names: Sequence[str]
    pixel_size: float | None
    read: Read
    images: int = 1

    @property
    def lengths(self) -> dict[str, int]:
        """Of the axes."""
        return dict(zip(self.axes, self.shape, strict=True))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.lengths["Y"], self.lengths["X"]

    @property
    def channel_axis(self) -> str | None:
        """The axis of the channels; one that nothing names is taken for it. None where there is one channel."""
        rest = self.axes.translate(str.maketrans("", "", "YXZT"))
        return "C" if "C" in rest else "S" if "S" in rest else rest[:1] or None

    @property
    def channels(self) -> int:
        """How many there are."""
        return self.lengths[self.channel_axis] if self.channel_axis else 1

    @property
    def called(self) -> Sequence[str]:
        """The name of each channel; empty where it has none."""
        return self.names if len(self.names) == self.channels else [""] * self.channels

    def check(self, z: Slices) -> None:
        """Raise `InputError` unless planes can be taken from it, with its slices as `z` says."""
        check_pixels(self.path, *self.size)
        if np.prod(self.shape, dtype=float) > MOST_STACK:
            raise InputError(f"{self.path} has shape {self.shape}: expected the planes of one image")
        lengths = self.lengths
        if "T" in lengths:
            raise InputError(f"{self.path} shows {lengths['T']} times: save the one that is meant")
        others = set(self.axes) - {*"YXZ", self.channel_axis}
        if others or self.axes.index("X") < self.axes.index("Y"):
            raise InputError(
                f"{self.path} has the axes {self.axes}, {' x '.join(map(str, self.shape))}: save channels and slices "
                "alone, as OME-TIFF or as a hyperstack of ImageJ"
            )
        if (count := lengths.get(SLICES)) and (z is None or (z != "max" and not 0 <= z < count)):
            known = f"z={z}: " if z is not None else ""
            raise InputError(
                f"{known}{self.path} is a Z stack of {count} slices: z=max takes the brightest of each pixel, "
                f"z=NUMBER one slice, 0 to {count - 1}"
            )

    def places(self, planes: Mapping[str, str | int], needed: Collection[str] = ()) -> dict[str, int]:
        """Which channel is which plane: as a user says it, by their names, or in the order of the colors.

        Args:
            planes: What the user says.
            needed: Colors that there must be.

        Raises:
            InputError: That is not clear, or a plane is not there.
        """
        found = words.assigned(self.called, planes, self.path)
        if found and (absent := [color for color in COLORS if color in needed and color not in found]):
            called = ", ".join(self.called) if any(self.called) else f"{self.channels}, without names"
            raise InputError(
                f"{self.path}: no {' and no '.join(absent)} plane among its channels, {called}; planes={{COLOR:NAME}} "
                "says which is which"
            )
        if not found:
            found = dict(zip(COLORS, range(self.channels), strict=False)) if self.channels in (3, 4) else {}
            if not found or not found.keys() >= set(needed):
                raise InputError(f"{self.path} has shape {self.shape}: expected {_expected(needed)}")
        return found

    def taken(self, layout: Layout, places: Mapping[str, int]) -> str:
        """What is taken from it, in words; empty where all is as its names say."""
        said = words.said(places, self.called)
        if not layout.planes and not any(map(words.plane_of, self.called)):
            said = f"its channels in their order as {', '.join(places)}, since nothing names them"
        more = f"the first of {self.images} images in the file" if self.images > 1 else ""
        return "; ".join(filter(None, [said, self.slices(layout.z), more]))

    def slices(self, z: Slices) -> str:
        """What is taken of its slices, in words; empty where it has but one."""
        if (count := self.lengths.get(SLICES)) is None:
            return ""
        return f"the brightest of {count} slices" if z == "max" else f"slice {z} of {count}"

    def plane(self, channel: int, z: Slices) -> Plane:
        """A channel, shape (H, W)."""
        at = {self.channel_axis: channel} if self.channel_axis else {}
        if (count := self.lengths.get(SLICES)) is None or z is None:
            return self.read(at)
        if z != "max":
            return self.read(at | {SLICES: z})
        brightest = np.array(self.read(at | {SLICES: 0}))
        for slice_ in range(1, count):
            np.maximum(brightest, self.read(at | {SLICES: slice_}), out=brightest)
        return brightest


def stack_of(
    path: Path,
    axes: str,
    shape: Sequence[int],
    names: Sequence[str],
    pixel_size: float | None,
    read: Read,
    images: int = 1,
) -> Stack:
    """The stack of a file with these axes, of which those of length 1 are left out."""
    kept = [(axis, length) for axis, length in zip(axes, shape, strict=True) if length > 1 or axis in "YX"]
    return Stack(path, "".join(a for a, _ in kept), tuple(n for _, n in kept), names, pixel_size, read, images)


def of_array(load: Callable[[], Plane], axes: str) -> Read:
    """Reads planes of an array with these axes, or of what is indexed as one, which is loaded for the first of them.

    Of axes that no place is given for, but Y and X, the first is taken: they have a length of 1.
    """
    loaded: list[Plane] = []

    def read(at: Mapping[str, int]) -> Plane:
        if not loaded:
            loaded.append(load())
        return np.asarray(loaded[0][tuple(slice(None) if axis in "YX" else at.get(axis, 0) for axis in axes)])

    return read


def _expected(needed: Collection[str]) -> str:
    if set(needed) >= set(COLORS):
        return "four channels, or three for a model of data.channels=rgb, or a name that ends in _<color>"
    return "three or four channels, or a name that ends in _<color>; planes={COLOR:NUMBER} says which is which"


def in_micrometres(value: float, unit: str | None) -> float | None:
    """A length in micrometres; None where its unit is none of a microscope's."""
    known = {"m": 1e6, "mm": 1e3, "µm": 1, "μm": 1, "um": 1, "micron": 1, "micrometer": 1, "micrometre": 1, "nm": 1e-3}
    known |= {"nanometer": 1e-3, "millimeter": 1e3, "microns": 1, "cm": 1e4, "centimeter": 1e4, r"\u00b5m": 1}
    factor = known.get(re.sub(r"\s", "", unit or "").casefold())
    return value * factor if factor and value > 0 else None
