"""A look at one image before it is trained on: can it be used, and does it look as it should."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.stages import hashes, roles
from hpa_lit.stages.statistics import Moments, moments

BLANK_RANGE = 8  # of 255 grey levels: a plane whose pixels differ by less shows nothing
SATURATED_SHARE = 0.05  # of a plane's pixels; 0.04 was the most among 60 planes of the competition


@dataclass(frozen=True)
class Defect:
    """Why training would refuse an image."""

    kind: Literal["planes", "unusable"]
    why: str

    def row(self) -> dict[str, int | float | str]:
        """The defect as a row of a table, beside `Look.row`."""
        return {"problems": self.why}


@dataclass(frozen=True)
class Look:
    """What an image is like; its planes in the order red, green, blue and, where it is wanted, yellow.

    Args:
        size: Height and width.
        bits: Of a pixel, as `rgby.bit_depth` has it.
        low: The lowest pixel of each plane, of 255.
        high: The highest.
        saturated: Share of pixels of 255 in each plane.
        moments: Mean and standard deviation of each plane.
        hashes: Perceptual hashes of red, green and blue, shape (3,), uint64.
        taken: What was taken for what, as `rgby.Header` has it.
        misplaced: What seems to be in a wrong plane, see `roles.suspicion`; not looked for among blank or three planes.
    """

    size: tuple[int, int]
    bits: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    saturated: tuple[float, ...]
    moments: Moments
    hashes: npt.NDArray[np.uint64]
    misplaced: str
    taken: str = ""

    @property
    def blank(self) -> list[str]:
        """Colors of planes that show nothing."""
        return [c for c, low, high in zip(rgby.COLORS, self.low, self.high, strict=False) if high - low < BLANK_RANGE]

    @property
    def overexposed(self) -> list[str]:
        """Colors of planes with many saturated pixels."""
        return [c for c, share in zip(rgby.COLORS, self.saturated, strict=False) if share > SATURATED_SHARE]

    @property
    def problems(self) -> str:
        """All that is suspicious, in words."""
        blank = [f"{color} is blank" for color in self.blank]
        bright = [f"{color} is saturated" for color in self.overexposed]
        return "; ".join([*blank, *bright, *([f"{self.misplaced}?"] if self.misplaced else [])])

    def row(self) -> dict[str, int | float | str]:
        """The look as a row of a table; grey levels of 255."""
        cells: dict[str, int | float | str] = {"height": self.size[0], "width": self.size[1], "bits": self.bits}
        for plane, (color, mean) in enumerate(zip(rgby.COLORS, self.moments[0].tolist(), strict=False)):
            cells[f"{color}_min"], cells[f"{color}_max"] = self.low[plane], self.high[plane]
            cells[f"{color}_mean"], cells[f"{color}_saturated"] = mean * 255, self.saturated[plane]
        return cells | {"problems": self.problems}


def look(files: rgby.ImageFiles, bits: rgby.BitDepth, channels: rgby.Channels) -> Look | Defect:
    """Look at an image as training reads it, with `bits` and `channels` as in `rgby.read`."""
    if missing := rgby.missing_planes(files, channels):
        return Defect("planes", f"no {' and no '.join(missing)} plane")
    try:
        stored = list(rgby.read_planes(files, channels=channels).values())
        path, taken = next(iter(files.values())), rgby.header(files, rgby.colors(channels)).taken
        depth, planes = rgby.bit_depth(stored, bits, path), rgby.to_uint8(stored, bits, path)
    except InputError as error:
        return Defect("unusable", str(error))
    image = np.dstack(planes)
    small = rgby.resize(image, hashes.SIZE)
    low, high = (tuple(int(extreme(plane)) for plane in planes) for extreme in (np.min, np.max))
    whole = len(planes) == len(rgby.COLORS) and min(np.subtract(high, low)) >= BLANK_RANGE
    return Look(
        size=planes[0].shape,
        bits=depth,
        low=low,
        high=high,
        saturated=tuple(float(np.mean(plane == 255)) for plane in planes),
        moments=moments(image),
        hashes=np.array([hashes.phash(small[:, :, c]) for c in range(len(hashes.PLANES))], np.uint64),
        misplaced=roles.suspicion(roles.correlations(image)) if whole else "",
        taken=taken,
    )
