"""Proteins in the nucleus. Each function draws one location, see `patterns`."""

import numpy as np

from hpa_lit.synthetic import brush, marks
from hpa_lit.synthetic.brush import Picture, picture
from hpa_lit.synthetic.geometry import INTERPHASE, METAPHASE, Cells
from hpa_lit.synthetic.structures import Anatomy


def nucleoplasm(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The nucleus but for its nucleoli; after the envelope has broken down, the whole cell, faintly."""
    cells = anatomy.cells
    grains = 0.65 + rng.uniform(0.04, 0.2) * brush.noise(cells.size, rng.uniform(0.02, 0.08) * cells.unit, rng)
    mitotic = 0.35 * cells.in_phase(METAPHASE) * cells.inside
    hollow = rng.uniform(0.2, 0.9) * cells.nucleoli
    return picture(np.maximum(grains, 0.1) * (cells.nucleus * _resting(cells) * (1 - hollow) + mitotic))


def nuclear_membrane(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A thin ring around the nucleus, and faintly all of it: the membrane above and below, with its folds."""
    cells = anatomy.cells
    uneven = 1 + 0.12 * brush.noise(cells.size, 0.1 * cells.unit, rng)
    folds = np.exp(-((brush.noise(cells.size, 0.25 * cells.unit, rng) / 0.07) ** 2))
    face = (rng.uniform(0.06, 0.22) + rng.uniform(0, 0.1) * folds) * cells.nucleus
    ring = marks.ridge(cells, cells.away, rng.uniform(0.022, 0.04)) * uneven
    return picture((ring + face) * cells.in_phase(INTERPHASE))


def nucleoli(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A few compact blobs in the nucleus."""
    cells = anatomy.cells
    uneven = 0.9 + 0.12 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    rim = rng.uniform(0, 0.5) * np.exp(-(((cells.nucleoli - 0.5) / 0.25) ** 2))
    return picture((cells.nucleoli * uneven + rim + rng.uniform(0.03, 0.2) * cells.nucleus) * _resting(cells))


def fibrillar_centers(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Clusters of small spots in the nucleoli."""
    cells = anatomy.cells
    centres = marks.spots(cells, cells.nucleoli**4, rng.uniform(9, 20), 0.02, rng)
    return picture(centres + rng.uniform(0.05, 0.2) * cells.nucleoli + rng.uniform(0.03, 0.12) * cells.nucleus)


def nuclear_speckles(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Twenty or so irregular patches in the nucleus, beside the nucleoli."""
    cells = anatomy.cells
    grain = 0.085 * cells.style.coarseness**0.6 * cells.unit
    patches = brush.noise(cells.size, grain, rng) + 0.4 * brush.noise(cells.size, 0.4 * grain, rng)
    speckles = 1 / (1 + np.exp(-6 * (patches - rng.uniform(0.7, 1.1))))
    between = rng.uniform(0.06, 0.3)
    return picture(cells.nucleus * _resting(cells) * (1 - cells.nucleoli) * (0.9 * speckles + between))


def nuclear_bodies(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A handful of round spots in the nucleus, beside the nucleoli."""
    cells = anatomy.cells
    room = cells.nucleus * _resting(cells) * (1 - cells.nucleoli) * (cells.away < -0.05)
    bodies = np.minimum(1.3 * marks.spots(cells, room, rng.uniform(4, 10), 0.033, rng), 1)
    return picture(bodies + rng.uniform(0.03, 0.15) * cells.nucleus)


def _resting(cells: Cells) -> Picture:
    return 1 - cells.in_phase(METAPHASE)
