"""From the pixels of an image to the square that a network sees (SPEC section 6)."""

import os
from dataclasses import dataclass, field
from typing import Any

# albumentations asks the network for its newest version when it is imported, unless told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations as A
import numpy as np

from hpa_lit.rgby import Pixels, resize


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
    _steps: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        side = self.crop_size
        crop = [] if side is None else [A.RandomSizedCrop((side, self.image_size), size=(side, side), p=1)]
        self._steps = A.Compose([*crop, A.D4(p=1)])

    def __call__(self, image: Pixels, seed: int) -> Pixels:
        """Transform (H, W, C); the draw depends on `seed` alone."""
        self._steps.set_random_seed(seed)
        return np.asarray(self._steps(image=resize(image, self.image_size))["image"], np.uint8)


@dataclass
class ValidTransform:
    """The whole image resized to the crop size, or to the image size where there is no crop."""

    image_size: int
    crop_size: int | None

    def __call__(self, image: Pixels, seed: int) -> Pixels:
        """Transform (H, W, C); there is nothing random in it."""
        return resize(resize(image, self.image_size), self.crop_size or self.image_size)
