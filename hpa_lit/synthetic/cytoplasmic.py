"""Proteins of organelles, membranes and the cytosol. Each function draws one location, see `patterns`."""

import numpy as np

from hpa_lit.synthetic import brush, marks
from hpa_lit.synthetic.brush import Picture, picture
from hpa_lit.synthetic.structures import Anatomy


def endoplasmic_reticulum(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """What the yellow plane shows."""
    cells = anatomy.cells
    grains = 1 + 0.2 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    return picture(0.75 * anatomy.er * grains)


def golgi(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A compact tangle of ribbons beside the nucleus."""
    cells = anatomy.cells
    cores = marks.around(cells, marks.resting_centrosomes(cells), 5, rng.uniform(0.06, 0.15), rng)
    start = marks.around(cells, cores, 3, 0.04, rng)
    start = start[cells.owner_at(start) >= 0]
    along = marks.outward(cells, start) + np.pi / 2 + rng.normal(0, 0.5, len(start))
    ribbons = marks.worms(cells, start, along, (0.12, rng.uniform(0.25, 0.5)), 0.028, rng, wander=1.2)
    return picture(np.minimum(0.8 * ribbons, 1.2) * (1 - 0.8 * cells.nucleus))


def peroxisomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A hundred small equal dots all over the cytoplasm."""
    cells = anatomy.cells
    return marks.spots(cells, picture(cells.cytoplasm * (cells.depth > 0.06)), 110, 0.017, rng, spread=0.25)


def endosomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Dots of many sizes all over the cytoplasm."""
    cells = anatomy.cells
    room = cells.cytoplasm * (cells.depth > 0.05)
    large = np.minimum(1.4 * marks.spots(cells, room, 20, 0.029, rng, spread=0.4), 1)
    return picture(large + 0.6 * marks.spots(cells, room, 25, 0.018, rng, spread=0.6))


def lysosomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Larger dots that crowd at the centrosome."""
    cells = anatomy.cells
    hubs = marks.around(cells, marks.resting_centrosomes(cells), round(18 * cells.style.abundance), 0.26, rng)
    clusters = marks.dots(cells, hubs, rng.uniform(0.6, 1.4, len(hubs)), 0.036 * cells.style.coarseness)
    return picture(
        np.minimum(1.5 * clusters, 1.1) * cells.cytoplasm + 0.25 * marks.spots(cells, cells.cytoplasm, 12, 0.03, rng)
    )


def lipid_droplets(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Small hollow circles around the nucleus: the stained surface of droplets."""
    cells = anatomy.cells
    start = brush.scatter(marks.near_nucleus(cells, 0.35) * (cells.depth > 0.08), marks.count(cells, 26), rng)
    return marks.worms(cells, start, 0.0, (0.25, 0.5), 0.016, rng, turn=2 * np.pi)


def plasma_membrane(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The outline of each cell, with a fringe or brighter where cells touch; and faintly all of it, with its folds."""
    cells = anatomy.cells
    uneven = np.clip(0.75 + 0.25 * brush.noise(cells.size, 0.25 * cells.unit, rng), 0.15, 1.3)
    folds = np.exp(-((brush.noise(cells.size, 0.16 * cells.unit, rng) / 0.09) ** 2)) * (cells.depth < 0.3)
    face = rng.uniform(0.06, 0.2) * (1 + 0.4 * uneven) + rng.uniform(0, 0.25) * folds
    edge = marks.ridge(cells, cells.depth, rng.uniform(0.03, 0.06)) * uneven
    start = brush.scatter(picture(cells.inside * (cells.depth < 0.04)), marks.count(cells, rng.uniform(40, 110)), rng)
    inward = marks.outward(cells, start) + np.pi + rng.normal(0, 0.3, len(start))
    fringe = rng.choice([0.0, 0.9], p=[0.6, 0.4]) * marks.worms(cells, start, inward, (0.04, 0.14), 0.014, rng)
    return picture((edge * (1 + rng.uniform(0, 0.8) * _contact(anatomy)) + face) * cells.inside + fringe)


def cell_junctions(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Beaded lines where two cells touch."""
    cells = anatomy.cells
    beads = np.clip(0.8 + 0.45 * brush.noise(cells.size, 0.06 * cells.unit, rng), 0.1, 1.6)
    return picture((_contact(anatomy) * beads + 0.05) * cells.inside)


def _contact(anatomy: Anatomy) -> Picture:
    """Lines where two cells touch."""
    cells = anatomy.cells
    contact = np.zeros_like(cells.inside)
    for axis in (0, 1):
        ahead = np.roll(cells.owner, -1, axis)
        contact[(cells.owner != ahead) & (cells.owner >= 0) & (ahead >= 0)] = 1
    contact[-1], contact[:, -1] = 0, 0
    sigma = max(0.022 * cells.unit, 0.6)
    return picture(np.minimum(brush.blur(contact, sigma) * np.float32(2 * sigma), 1))


def mitochondria(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Short worms, denser around the nucleus."""
    cells = anatomy.cells
    start = brush.scatter(marks.near_nucleus(cells, 0.5) * (cells.depth > 0.05), marks.count(cells, 75), rng)
    heading = marks.outward(cells, start) + rng.normal(0, 0.7, len(start))
    worms = marks.worms(cells, start, heading, (0.12, 0.36), 0.024, rng, wander=1.5)
    return picture(np.minimum(0.8 * worms, 1.2) * (1 - 0.9 * cells.nucleus))


def aggresome(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """One large lump beside the nucleus."""
    cells = anatomy.cells
    lumps = marks.around(cells, marks.resting_centrosomes(cells), 7, 0.055, rng)
    blob = np.minimum(0.8 * marks.dots(cells, lumps, 0.8, 0.075), 1.2)
    return picture(blob * cells.inside * (1 - 0.7 * cells.nucleus) + 0.08 * cells.cytoplasm)


def cytosol(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The cell but for the nucleus, which lets a little in; brighter where the cell is thick."""
    cells = anatomy.cells
    grains = 0.6 + rng.uniform(0.03, 0.18) * brush.noise(cells.size, rng.uniform(0.025, 0.06) * cells.unit, rng)
    thick = np.clip(cells.depth / 0.3, 0, 1) ** 0.5 * (
        0.6 + 0.4 * np.exp(-np.maximum(cells.away, 0) / (2 * cells.style.slope))
    )
    return picture(grains * (cells.cytoplasm * thick + rng.uniform(0.15, 0.5) * cells.nucleus))


def cytoplasmic_bodies(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A few large round bodies in the cytoplasm."""
    cells = anatomy.cells
    room = cells.cytoplasm * (cells.depth > 0.1) * (cells.away > 0.06)
    return picture(np.minimum(2.0 * marks.spots(cells, room, 5, 0.05, rng, spread=0.2), 1) + 0.06 * cells.inside)


def rods_and_rings(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A few straight rods and closed rings."""
    cells = anatomy.cells
    room = cells.inside * (cells.depth > 0.15)
    rods = brush.scatter(room, marks.count(cells, 2.5), rng)
    rings = brush.scatter(room, marks.count(cells, 1.5), rng)
    straight = marks.worms(cells, rods, rng.uniform(0, 2 * np.pi, len(rods)), (0.3, 0.6), 0.026, rng)
    closed = marks.worms(cells, rings, 0.0, (0.6, 0.9), 0.026, rng, turn=2 * np.pi)
    return picture(1.1 * (straight + closed) + 0.06 * cells.inside)
