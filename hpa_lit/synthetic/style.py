"""What the images of one antibody have in common: the kind of cell, and how the protein is stained."""

import math
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
    spread: float  # relative standard deviation of the cells' radii
    elongation: float  # square root of the aspect of a cell
    direction: float  # radians: where long cells point
    bend: float  # curvature of a long cell
    roughness: float  # of a cell's outline
    arms: float  # how far the few arms of a cell reach beyond its outline
    ruffles: float  # depth of the fine waves of its outline
    spacing: float  # nearest approach of two cells, in sums of their radii: below 1 they touch
    tries: float  # how often a cell is thrown at the field, for each square unit
    islands: float  # part of the field that cells keep off, so that they lie in islands
    nucleus: float  # radius of a nucleus
    offset: float  # how far nuclei lie from the middle of their cells
    lobes: float  # roughness of a nucleus
    nucleoli: float  # mean number in a nucleus
    nucleolus: float  # factor on their size
    chromatin: float  # contrast of the texture of DNA
    grain: float  # size of that texture
    slope: float  # distance from the nucleus over which a cell gets thin
    filaments: float  # microtubules of a cell
    gathered: float  # share of them that starts at the centrosome
    er_grain: float  # mesh width of the endoplasmic reticulum
    er_reach: float  # how far from the nucleus it is dense
    metaphase: float  # share of the cells
    telophase: float  # share of the cells
    coarseness: float  # factor on the size of what the protein marks
    abundance: float  # factor on how many there are
    haze: float  # unspecific stain, relative to the protein
    nuclear_haze: float  # share of it that is in the nucleus
    variation: float  # standard deviation of the logarithm of a cell's protein level
    brightness: float  # grey value of the bright parts of the protein's plane

    @classmethod
    def draw(cls, labels: Collection[int], rng: np.random.Generator) -> "Style":
        """Draw a style that suits a protein at these locations.

        Divisions are frequent where the protein marks them, and cells with junctions touch. Ranges are wider than those
        of the atlas' few cell lines, so that what is learned from drawn fields holds for others too.
        """

        def factor(low: float, high: float) -> float:
            return math.exp(rng.uniform(math.log(low), math.log(high)))

        junctions = JUNCTIONS in labels
        crowd = rng.uniform(0.55, 1.0) if junctions else rng.random()
        return cls(
            radius=factor(0.07, 0.21),
            spread=rng.uniform(0.06, 0.25),
            elongation=rng.choice([1.05, 1.2, 1.45, 1.8, 2.3], p=[0.3, 0.27, 0.2, 0.15, 0.08]),
            direction=rng.uniform(0, np.pi),
            bend=rng.choice([0.0, 0.12, 0.3], p=[0.4, 0.35, 0.25]),
            roughness=rng.uniform(0.05, 0.32),
            arms=rng.choice([0.0, 0.3, 0.8], p=[0.5, 0.3, 0.2]),
            ruffles=rng.choice([0.0, 0.015, 0.03], p=[0.4, 0.35, 0.25]),
            spacing=0.95 - 0.35 * crowd,
            tries=1.0 + 6 * crowd**2,
            islands=0.0 if junctions else rng.choice([0.0, 0.25, 0.45], p=[0.6, 0.25, 0.15]),
            nucleus=rng.uniform(0.35, 0.62),
            offset=rng.uniform(0.0, 0.4),
            lobes=rng.choice([0.05, 0.12, 0.3], p=[0.5, 0.35, 0.15]),
            nucleoli=rng.uniform(1.5, 5.5),
            nucleolus=factor(0.7, 1.4),
            chromatin=rng.uniform(0.05, 0.33),
            grain=rng.uniform(0.03, 0.1),
            slope=factor(0.2, 1.0),
            filaments=factor(80, 280),
            gathered=rng.uniform(0.1, 0.7),
            er_grain=factor(0.025, 0.09),
            er_reach=factor(0.15, 0.9),
            metaphase=0.4 if SPINDLE in labels else rng.uniform(0, 0.03),
            telophase=0.45 if BRIDGE in labels else rng.uniform(0, 0.03),
            coarseness=factor(0.7, 1.5),
            abundance=factor(0.5, 1.9),
            haze=factor(0.03, 0.6),
            nuclear_haze=rng.random(),
            variation=rng.uniform(0.1, 0.75),
            brightness=factor(60, 280),
        )
