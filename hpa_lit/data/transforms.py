"""From the pixels of an image to the square that a network sees (SPEC section 6).

The results' planes lie one after another in memory: as a tensor (C, H, W) they need no copy.
"""

import random
from dataclasses import dataclass

import numpy as np

from hpa_lit.data import dihedral
from hpa_lit.rgby import Pixels, resize

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

    def __call__(self, image: Pixels, seed: int) -> Pixels:
        """Transform (H, W, C); the draw depends on `seed` alone."""
        square = resize(image, self.image_size)
        if self.crop_size is not None:
            draw = random.Random(seed)
            side = draw.randint(self.crop_size, self.image_size)
            top, left = (int((self.image_size - side + 1) * draw.random()) for _ in range(2))
            square = resize(square[top : top + side, left : left + side], self.crop_size)
        view = _DRAWN[np.random.default_rng(seed).integers(len(_DRAWN))]
        return dihedral.apply_planes(view, square)


@dataclass
class ValidTransform:
    """The whole image resized to the crop size, or to the image size where there is no crop."""

    image_size: int
    crop_size: int | None

    def __call__(self, image: Pixels, seed: int) -> Pixels:
        """Transform (H, W, C); there is nothing random in it."""
        square = resize(resize(image, self.image_size), self.crop_size or self.image_size)
        return dihedral.apply_planes("default", square)
