"""Proteins of filaments, of their ends, and of division. Each function draws one location, see `patterns`."""

import numpy as np

from hpa_lit.synthetic import brush, marks
from hpa_lit.synthetic.brush import Picture, picture
from hpa_lit.synthetic.structures import Anatomy


def intermediate_filaments(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A cage of wavy bundles around the nucleus, or gathered at one side of it."""
    cells = anatomy.cells
    room = marks.near_nucleus(cells, rng.uniform(0.1, 0.4)) * marks.near_centrosome(cells, rng.uniform(0.4, 2.5))
    start = brush.scatter(room, marks.count(cells, 90), rng)
    aside = rng.choice([-1, 1], len(start)) * np.pi / 2 + rng.normal(0, 0.5, len(start))
    heading = marks.outward(cells, start) + aside
    cage = marks.worms(cells, start, heading, (0.4, 1.1), 0.02, rng, turn=1.6 * np.sin(aside), wander=1.3)
    return picture(np.minimum(0.4 * cage, 1.3) * (1 - 0.6 * cells.nucleus))


def actin_filaments(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Straight parallel stress fibres along the cell, also over the nucleus, and a rim."""
    cells = anatomy.cells
    start = brush.scatter(cells.inside, marks.count(cells, 36), rng)
    owner = cells.owner_at(start)
    heading = cells.axis[owner] + rng.normal(0, 0.07, len(start))
    length = cells.unit * rng.uniform(0.8, 2.0, len(start))
    start = start - 0.5 * length[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    lines = brush.paths(start, heading, length, rng, step=marks.step(cells, 0.016))
    fibres = marks.strokes(cells, lines, owner, rng.uniform(0.4, 1.0, len(start)), 0.016)
    rim = rng.uniform(0.2, 0.8) * marks.ridge(cells, cells.depth, 0.03) + rng.uniform(0.03, 0.12)
    return picture(np.minimum(0.8 * fibres, 1.2) + rim * cells.inside)


def focal_adhesions(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Short thick dashes at the rim that point inwards."""
    cells = anatomy.cells
    rim = cells.cytoplasm * (cells.depth > 0.03) * np.exp(-cells.depth / 0.09)
    start = brush.scatter(rim, marks.count(cells, 34), rng)
    inward = marks.outward(cells, start) + np.pi + rng.normal(0, 0.25, len(start))
    return picture(marks.worms(cells, start, inward, (0.12, 0.24), 0.026, rng) + 0.06 * cells.inside)


def microtubules(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """What the red plane shows."""
    return picture(0.8 * anatomy.microtubules)


def microtubule_ends(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Comets: the last stretch of each microtubule."""
    cells = anatomy.cells
    comets = anatomy.filaments[:, -max(3, anatomy.filaments.shape[1] // 9) :]
    fade = rng.uniform(0.5, 1.0, len(comets))
    comet = marks.strokes(cells, comets, anatomy.filament_cell, fade, 0.018)
    return picture(np.minimum(1.2 * comet, 1.2) * (1 - 0.5 * cells.nucleus) + 0.25 * anatomy.spindle)


def cytokinetic_bridge(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The strand between two daughters."""
    return picture(anatomy.bridge + 0.08 * anatomy.cells.inside)


def mitotic_spindle(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """The fibres and poles of cells in metaphase."""
    return picture(anatomy.spindle + 0.08 * anatomy.cells.inside)


def organizing_center(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """A fuzzy star beside the nucleus: where microtubules start."""
    cells = anatomy.cells
    foot = anatomy.filaments[:, : anatomy.filaments.shape[1] // 4]
    from_centre = np.linalg.norm(foot[:, 0] - cells.centrosome[anatomy.filament_cell], axis=1) < 0.2 * cells.unit
    aster = marks.strokes(cells, foot[from_centre], anatomy.filament_cell[from_centre], 0.5, 0.015)
    hub = marks.dots(cells, marks.resting_centrosomes(cells), 1.1, 0.075)
    return picture(np.minimum(0.5 * aster, 0.7) + hub * cells.inside + 0.6 * anatomy.spindle)


def centrosome(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """One or two sharp dots beside the nucleus; the poles of a spindle."""
    cells = anatomy.cells
    pairs = marks.around(cells, marks.resting_centrosomes(cells), 2, 0.035, rng)
    return picture(np.minimum(1.6 * marks.dots(cells, pairs, 1.0, 0.022), 1.3) + anatomy.poles + 0.07 * cells.inside)
