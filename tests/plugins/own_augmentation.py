"""Uneven light: one side of the image brighter than the other, as from a lamp that stands off its axis."""

import albumentations
import numpy as np


class UnevenLight(albumentations.ImageOnlyTransform):
    def __init__(self, strength=0.3, p=0.5):
        super().__init__(p=p)
        self.strength = strength

    def get_params(self):
        return {"slope": self.py_random.uniform(-self.strength, self.strength)}

    def apply(self, img, slope, **params):
        light = 1 + slope * np.linspace(-1, 1, img.shape[1])
        return np.clip(img * light[:, None], 0, 255).astype(np.uint8)
