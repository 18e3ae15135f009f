"""Proteins in the nucleus. Each function draws one location, see `patterns`."""

import numpy as np

from hpa_lit.synthetic import brush, marks
from hpa_lit.synthetic.brush import Picture, picture
from hpa_lit.synthetic.geometry import INTERPHASE, METAPHASE, Cells
from hpa_lit.synthetic.structures import Anatomy


def nucleoplasm(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The nucleus but for its nucleoli; after the envelope has broken down, the whole cell, faintly."""
    cells = anatomy.cells
    grains = 0.65 + 0.1 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    mitotic = 0.35 * cells.in_phase(METAPHASE) * cells.inside
    return picture(grains * (cells.nucleus * _resting(cells) * (1 - 0.7 * cells.nucleoli) + mitotic))


def nuclear_membrane(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A thin ring around the nucleus."""
    cells = anatomy.cells
    uneven = 1 + 0.12 * brush.noise(cells.size, 0.1 * cells.unit, rng)
    return picture((marks.ridge(cells, cells.away, 0.03) * uneven + 0.1 * cells.nucleus) * cells.in_phase(INTERPHASE))


def nucleoli(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A few compact blobs in the nucleus."""
    cells = anatomy.cells
    uneven = 0.9 + 0.12 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    return picture((cells.nucleoli * uneven + 0.07 * cells.nucleus) * _resting(cells))


def fibrillar_centers(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Clusters of small spots in the nucleoli."""
    cells = anatomy.cells
    return picture(marks.spots(cells, cells.nucleoli**4, 14, 0.02, rng) + 0.1 * cells.nucleoli + 0.05 * cells.nucleus)


def nuclear_speckles(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Twenty or so irregular patches in the nucleus, beside the nucleoli."""
    cells = anatomy.cells
    grain = 0.09 * cells.style.coarseness * cells.unit
    patches = brush.noise(cells.size, grain, rng) + 0.4 * brush.noise(cells.size, 0.4 * grain, rng)
    speckles = 1 / (1 + np.exp(-6 * (patches - 0.85)))
    return picture(cells.nucleus * _resting(cells) * (1 - cells.nucleoli) * (0.9 * speckles + 0.15))


def nuclear_bodies(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A handful of round spots in the nucleus, beside the nucleoli."""
    cells = anatomy.cells
    room = cells.nucleus * _resting(cells) * (1 - cells.nucleoli) * (cells.away < -0.05)
    return picture(np.minimum(1.3 * marks.spots(cells, room, 6, 0.033, rng), 1) + 0.08 * cells.nucleus)


def _resting(cells: Cells) -> Picture:
    return 1 - cells.in_phase(METAPHASE)
