"""What a microscope adds to the light of a field: its focus, its lamp, its background, its noise, its 8 bits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpa_lit.synthetic import brush
from hpa_lit.synthetic.brush import Picture

SIDE = 512  # pixels of a field in which `focus` is said


@dataclass(frozen=True)
class Camera:
    """How one field is photographed; light of 1 is a cell's bright parts."""

    focus: float  # standard deviation of the blur, pixels of a field of `SIDE`
    glare: float  # share of the light that comes from above and below the plane in focus
    glare_width: float  # how far it spreads, in units of a cell's mean radius
    shade: float  # how much darker the lamp is in places
    background: float  # light where there are no cells, relative to their bright parts
    black: float  # grey values that are cut off
    gamma: float  # exponent of the grey values

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Camera":
        """Draw a camera: most are sharp, dark where there are no cells, and evenly lit."""
        return cls(
            focus=abs(rng.normal(0, 0.5)),
            glare=rng.uniform(0.02, 0.2),
            glare_width=rng.uniform(0.08, 0.5),
            shade=rng.choice([0.0, 0.12, 0.3], p=[0.5, 0.3, 0.2]),
            background=rng.exponential(0.015),
            black=rng.uniform(0, 5),
            gamma=rng.uniform(0.85, 1.25),
        )

    def photograph(
        self, light: Picture, unit: float, brightness: float, rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """Photograph a plane, float32 (size, size), whose light of 1 becomes the grey value `brightness`.

        Each plane has an amplification of its own, and the noise that belongs to it. A larger picture shows the same:
        its lengths grow, and so does its noise, which goes where pixels are brought together.
        """
        size = light.shape[0]
        light = np.maximum(light, 0)
        light = (1 - self.glare) * light + self.glare * brush.blur(light, self.glare_width * unit)
        if (sigma := self.focus * size / SIDE) > 0.2:
            light = brush.blur(light, sigma)
        if self.shade:
            light = light * np.clip(1 + self.shade * brush.noise(size, 0.7 * size, rng), 0.3, 1.7)
        light = np.float32(255) * ((light + np.float32(self.background)) * np.float32(brightness / 255)) ** np.float32(
            self.gamma
        )
        gain = np.exp(rng.uniform(np.log(0.25), np.log(8.0)))  # grey values of a photon
        photons = rng.standard_normal(light.shape, dtype=np.float32) * np.sqrt(light * np.float32(gain))
        light = light + photons * np.float32(size / SIDE)
        return np.asarray(np.clip(light - self.black, 0, 255), np.uint8)
