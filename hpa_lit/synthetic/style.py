"""What the images of one antibody have in common: the kind of cell, and how the protein is stained."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from hpa_lit.labels import LABEL_NAMES

BRIDGE = LABEL_NAMES.index("Cytokinetic bridge")
SPINDLE = LABEL_NAMES.index("Mitotic spindle")
JUNCTIONS = LABEL_NAMES.index("Cell junctions")


@dataclass(frozen=True)
class Style:
    """A cell line and a staining. Lengths are in units of a cell's mean radius unless said otherwise."""

    radius: float  # mean radius of a cell, as a part of the field's width
    elongation: float  # square root of the aspect of a cell
    direction: float  # radians: where long cells point
    roughness: float  # of a cell's outline
    spacing: float  # nearest approach of two cells, in sums of their radii: below 1 they touch
    tries: float  # how often a cell is thrown at the field, for each square unit
    nucleus: float  # radius of a nucleus
    lobes: float  # roughness of a nucleus
    nucleoli: float  # mean number in a nucleus
    chromatin: float  # contrast of the texture of DNA
    grain: float  # size of that texture
    filaments: float  # microtubules of a cell
    er_grain: float  # mesh width of the endoplasmic reticulum
    er_reach: float  # how far from the nucleus it is dense
    metaphase: float  # share of the cells
    telophase: float  # share of the cells
    coarseness: float  # factor on the size of what the protein marks
    abundance: float  # factor on how many there are
    haze: float  # unspecific stain, relative to the protein
    variation: float  # standard deviation of the logarithm of a cell's protein level
    brightness: float  # grey value of the bright parts of the protein's plane

    @classmethod
    def draw(cls, labels: Collection[int], rng: np.random.Generator) -> "Style":
        """Draw a style that suits a protein at these locations.

        Divisions are frequent where the protein marks them, and cells with junctions touch.
        """
        crowd = rng.uniform(0.55, 1.0) if JUNCTIONS in labels else rng.random()
        return cls(
            radius=rng.uniform(0.105, 0.16),
            elongation=rng.choice([1.05, 1.2, 1.4, 1.65], p=[0.35, 0.3, 0.2, 0.15]),
            direction=rng.uniform(0, np.pi),
            roughness=rng.uniform(0.06, 0.28),
            spacing=0.92 - 0.3 * crowd,
            tries=0.6 + 6 * crowd**2,
            nucleus=rng.uniform(0.4, 0.55),
            lobes=rng.choice([0.05, 0.12, 0.3], p=[0.5, 0.35, 0.15]),
            nucleoli=rng.uniform(2, 5),
            chromatin=rng.uniform(0.08, 0.28),
            grain=rng.uniform(0.04, 0.09),
            filaments=rng.uniform(80, 180),
            er_grain=rng.uniform(0.035, 0.075),
            er_reach=rng.uniform(0.25, 0.7),
            metaphase=0.4 if SPINDLE in labels else 0.01,
            telophase=0.45 if BRIDGE in labels else 0.01,
            coarseness=rng.uniform(0.8, 1.25),
            abundance=rng.uniform(0.7, 1.4),
            haze=rng.uniform(0.02, 0.1),
            variation=rng.uniform(0.15, 0.45),
            brightness=rng.uniform(60, 180),
        )
