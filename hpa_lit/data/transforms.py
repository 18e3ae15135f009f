"""From the pixels of an image to the square that a network sees (SPEC section 6).

Plane by plane: each stays in the cache of a core, and the result has the shape of a tensor.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpa_lit.data import dihedral
from hpa_lit.files.rgby import Pixels, resize

# Albumentations' order of the dihedral group. A seed draws what its RandomSizedCrop and D4 draw, which do the same work
# in twice the time.
_DRAWN = (
    "default",
    "fliplr_transpose",
    "flipud_lr",
    "flipud_transpose",
    "flipud",
    "flipud_lr_transpose",
    "fliplr",
    "transpose",
)


@dataclass
class TrainTransform:
    """A random square crop resized to the crop size, then one of the eight dihedral views.

    The side of the crop is uniform between crop size and image size, its place is uniform.

    Args:
        image_size: Side that every image is brought to first.
        crop_size: Side of the result; None takes the whole image.
    """

    image_size: int
    crop_size: int | None

    @property
    def side(self) -> int:
        """Side of the result."""
        return self.crop_size or self.image_size

    def __call__(self, planes: Sequence[Pixels], seed: int, out: Pixels | None = None) -> Pixels:
        """Transform C planes (H, W) to (C, side, side), in `out` or new; the draw depends on `seed` alone."""
        top, left, side = 0, 0, self.image_size
        if self.crop_size is not None:
            draw = random.Random(seed)
            side = draw.randint(self.crop_size, self.image_size)
            top, left = (int((self.image_size - side + 1) * draw.random()) for _ in range(2))
        view = _DRAWN[np.random.default_rng(seed).integers(len(_DRAWN))]
        out = np.empty((len(planes), self.side, self.side), np.uint8) if out is None else out
        for plane, seen in zip(planes, out, strict=True):
            crop = resize(plane, self.image_size)[top : top + side, left : left + side]
            dihedral.apply_plane(view, resize(crop, self.side), seen)
        return out


@dataclass
class ValidTransform:
    """The whole image resized to the crop size, or to the image size where there is no crop."""

    image_size: int
    crop_size: int | None

    @property
    def side(self) -> int:
        """Side of the result."""
        return self.crop_size or self.image_size

    def __call__(self, planes: Sequence[Pixels], seed: int, out: Pixels | None = None) -> Pixels:
        """Transform C planes (H, W) to (C, side, side), in `out` or new; there is nothing random in it."""
        return np.stack([resize(resize(plane, self.image_size), self.side) for plane in planes], out=out)
