"""What a protein's plane shows at each of the 28 locations.

A pattern is a function of the anatomy of a field and a random generator. It returns a picture of shape (size, size)
whose bright parts are about 1 and which is 0 outside the cells. Lengths are in units of a cell's mean radius.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic import brush
from hpa_lit.synthetic.brush import Floats, Picture
from hpa_lit.synthetic.geometry import INTERPHASE, METAPHASE
from hpa_lit.synthetic.structures import Anatomy, dots, strokes

Pattern = Callable[[Anatomy, np.random.Generator], Picture]


def draw(labels: Sequence[int], anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Draw a protein that is at several places: the first is the brightest, and its level differs from cell to cell."""
    cells, style = anatomy.cells, anatomy.style
    strengths = [1.0, *rng.uniform(0.55, 0.95, len(labels) - 1)]
    protein = style.haze * _cytosol(anatomy, rng)
    for label, strength in zip(labels, strengths, strict=True):
        protein = protein + np.float32(strength) * np.minimum(PATTERNS[LABEL_NAMES[label]](anatomy, rng), 1.5)
    return protein * cells.of_cell(np.exp(rng.normal(0, style.variation, len(cells.phase))))


def _ridge(distance: Picture, width: float, anatomy: Anatomy) -> Picture:
    """1 where a distance in units is 0, falling off over `width` units, at least a pixel."""
    return np.exp(-((distance / max(width, 1 / anatomy.cells.unit)) ** 2))


def _interphase(anatomy: Anatomy) -> Picture:
    return 1 - anatomy.cells.in_phase(METAPHASE)


def _count(anatomy: Anatomy, per_cell: float) -> int:
    return max(1, round(per_cell * anatomy.style.abundance * anatomy.cells.number))


def _spots(
    anatomy: Anatomy, density: Picture, per_cell: float, radius: float, rng: np.random.Generator, spread: float = 0.3
) -> Picture:
    """Round spots, more where `density` is larger; `spread` is that of the logarithm of their brightness."""
    places = brush.scatter(density, _count(anatomy, per_cell), rng)
    weight = np.exp(rng.normal(0, spread, len(places)))
    return dots(anatomy.cells, places, weight, radius * anatomy.style.coarseness)


def _worms(
    anatomy: Anatomy,
    start: Floats,
    heading: npt.ArrayLike,
    length: tuple[float, float],
    thickness: float,
    rng: np.random.Generator,
    turn: npt.ArrayLike = 0.0,
    wander: float = 0.0,
) -> Picture:
    """Curved lines of random lengths, each within the cell it starts in."""
    cells = anatomy.cells
    lengths = cells.unit * anatomy.style.coarseness * rng.uniform(*length, len(start))
    points = brush.paths(start, heading, lengths, rng, turn, wander, step=max(0.7, 0.5 * thickness * cells.unit))
    return strokes(cells, points, cells.owner_at(start), rng.uniform(0.7, 1.0, len(start)), thickness)


def _outward(anatomy: Anatomy, places: Floats) -> Floats:
    """Direction from the nucleus at each place, radians."""
    away = places - anatomy.cells.centre[anatomy.cells.owner_at(places)]
    return np.arctan2(away[:, 1], away[:, 0])


def _near_nucleus(anatomy: Anatomy, reach: float) -> Picture:
    return anatomy.cells.cytoplasm * np.exp(-np.maximum(anatomy.cells.away, 0) / np.float32(reach))


def _around(anatomy: Anatomy, places: Floats, copies: int, spread: float, rng: np.random.Generator) -> Floats:
    """Each place `copies` times, moved by normal deviates of `spread` units."""
    places = np.repeat(places, copies, axis=0)
    return places + rng.normal(0, spread * anatomy.cells.unit, places.shape)


def _resting_centrosomes(anatomy: Anatomy) -> Floats:
    return anatomy.cells.centrosome[anatomy.cells.phase != METAPHASE]


def _angles(places: Floats, rng: np.random.Generator) -> Floats:
    return rng.uniform(0, 2 * np.pi, len(places))


def _nucleoplasm(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    grains = 0.65 + 0.1 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    mitotic = 0.35 * cells.in_phase(METAPHASE) * cells.inside
    return grains * (cells.nucleus * _interphase(anatomy) * (1 - 0.7 * cells.nucleoli) + mitotic)


def _nuclear_membrane(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    uneven = 1 + 0.12 * brush.noise(cells.size, 0.1 * cells.unit, rng)
    return (_ridge(cells.away, 0.03, anatomy) * uneven + 0.1 * cells.nucleus) * cells.in_phase(INTERPHASE)


def _nucleoli(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    uneven = 0.9 + 0.12 * brush.noise(cells.size, 0.05 * cells.unit, rng)
    return (cells.nucleoli * uneven + 0.07 * cells.nucleus) * _interphase(anatomy)


def _fibrillar_centers(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    return _spots(anatomy, cells.nucleoli**4, 14, 0.02, rng) + 0.1 * cells.nucleoli + 0.05 * cells.nucleus


def _nuclear_speckles(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    grain = 0.09 * anatomy.style.coarseness * cells.unit
    patches = brush.noise(cells.size, grain, rng) + 0.4 * brush.noise(cells.size, 0.4 * grain, rng)
    speckles = 1 / (1 + np.exp(-6 * (patches - 1.0)))
    return cells.nucleus * _interphase(anatomy) * (1 - cells.nucleoli) * (0.9 * speckles + 0.15)


def _nuclear_bodies(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    room = cells.nucleus * _interphase(anatomy) * (1 - cells.nucleoli) * (cells.away < -0.05)
    return np.minimum(1.3 * _spots(anatomy, room, 6, 0.033, rng), 1) + 0.08 * cells.nucleus


def _endoplasmic_reticulum(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    grains = 1 + 0.2 * brush.noise(anatomy.cells.size, 0.05 * anatomy.cells.unit, rng)
    return 0.75 * anatomy.er * grains


def _golgi(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    cores = _around(anatomy, _resting_centrosomes(anatomy), 5, 0.09, rng)
    start = _around(anatomy, cores, 3, 0.04, rng)
    start = start[cells.owner_at(start) >= 0]
    along = _outward(anatomy, start) + np.pi / 2 + rng.normal(0, 0.5, len(start))
    ribbons = _worms(anatomy, start, along, (0.12, 0.3), 0.028, rng, wander=1.2)
    return np.minimum(0.8 * ribbons, 1.2) * (1 - 0.8 * cells.nucleus)


def _peroxisomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    return _spots(anatomy, anatomy.cells.cytoplasm * (anatomy.cells.depth > 0.06), 110, 0.018, rng, spread=0.2)


def _endosomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    room = anatomy.cells.cytoplasm * (anatomy.cells.depth > 0.05)
    large = np.minimum(1.4 * _spots(anatomy, room, 20, 0.029, rng, spread=0.4), 1)
    return large + 0.6 * _spots(anatomy, room, 25, 0.018, rng, spread=0.6)


def _lysosomes(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    hubs = _around(anatomy, _resting_centrosomes(anatomy), round(18 * anatomy.style.abundance), 0.26, rng)
    clusters = dots(cells, hubs, rng.uniform(0.6, 1.4, len(hubs)), 0.036 * anatomy.style.coarseness)
    return np.minimum(1.5 * clusters, 1.1) * cells.cytoplasm + 0.25 * _spots(anatomy, cells.cytoplasm, 12, 0.03, rng)


def _intermediate_filaments(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    start = brush.scatter(_near_nucleus(anatomy, 0.12), _count(anatomy, 90), rng)
    around = _outward(anatomy, start) + rng.choice([-1, 1], len(start)) * np.pi / 2 + rng.normal(0, 0.5, len(start))
    curl = np.sin(around - _outward(anatomy, start)) * 1.6
    cage = _worms(anatomy, start, around, (0.4, 1.1), 0.02, rng, turn=curl, wander=1.3)
    return np.minimum(0.4 * cage, 1.3) * (1 - 0.6 * cells.nucleus)


def _actin_filaments(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    start = brush.scatter(cells.inside, _count(anatomy, 36), rng)
    owner = cells.owner_at(start)
    heading = cells.axis[owner] + rng.normal(0, 0.07, len(start))
    length = cells.unit * rng.uniform(0.8, 2.0, len(start))
    start = start - 0.5 * length[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    fibres = strokes(cells, brush.paths(start, heading, length, rng), owner, rng.uniform(0.4, 1.0, len(start)), 0.016)
    return np.minimum(0.8 * fibres, 1.2) + (0.5 * _ridge(cells.depth, 0.03, anatomy) + 0.06) * cells.inside


def _focal_adhesions(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    rim = cells.cytoplasm * (cells.depth > 0.03) * np.exp(-cells.depth / 0.09)
    start = brush.scatter(rim, _count(anatomy, 34), rng)
    inward = _outward(anatomy, start) + np.pi + rng.normal(0, 0.25, len(start))
    return _worms(anatomy, start, inward, (0.12, 0.24), 0.026, rng) + 0.06 * cells.inside


def _microtubules(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    return 0.8 * anatomy.microtubules


def _microtubule_ends(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    comets = anatomy.filaments[:, -max(3, anatomy.filaments.shape[1] // 9) :]
    fade = rng.uniform(0.5, 1.0, len(comets))
    comet = strokes(cells, comets, anatomy.filament_cell, fade, 0.018)
    return np.minimum(1.2 * comet, 1.2) * (1 - 0.5 * cells.nucleus) + 0.25 * anatomy.spindle


def _cytokinetic_bridge(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    return anatomy.bridge + 0.08 * anatomy.cells.inside


def _mitotic_spindle(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    return anatomy.spindle + 0.08 * anatomy.cells.inside


def _organizing_center(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    foot = anatomy.filaments[:, : anatomy.filaments.shape[1] // 4]
    from_centre = np.linalg.norm(foot[:, 0] - cells.centrosome[anatomy.filament_cell], axis=1) < 0.2 * cells.unit
    aster = strokes(cells, foot[from_centre], anatomy.filament_cell[from_centre], 0.5, 0.015)
    hub = dots(cells, _resting_centrosomes(anatomy), 1.1, 0.075)
    return np.minimum(0.5 * aster, 0.7) + hub * cells.inside + 0.6 * anatomy.spindle


def _centrosome(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    pairs = _around(anatomy, _resting_centrosomes(anatomy), 2, 0.035, rng)
    return np.minimum(1.6 * dots(cells, pairs, 1.0, 0.022), 1.3) + anatomy.poles + 0.07 * cells.inside


def _lipid_droplets(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    start = brush.scatter(_near_nucleus(anatomy, 0.35) * (anatomy.cells.depth > 0.08), _count(anatomy, 26), rng)
    return _worms(anatomy, start, _angles(start, rng), (0.25, 0.5), 0.016, rng, turn=2 * np.pi)


def _plasma_membrane(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    uneven = np.clip(0.75 + 0.2 * brush.noise(cells.size, 0.25 * cells.unit, rng), 0.2, 1.3)
    return (_ridge(cells.depth, 0.045, anatomy) * uneven + 0.1 + 0.04 * uneven) * cells.inside


def _cell_junctions(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    contact = np.zeros_like(cells.inside)
    for axis in (0, 1):
        ahead = np.roll(cells.owner, -1, axis)
        contact[(cells.owner != ahead) & (cells.owner >= 0) & (ahead >= 0)] = 1
    contact[-1], contact[:, -1] = 0, 0
    sigma = max(0.022 * cells.unit, 0.6)
    line = np.minimum(brush.blur(contact, sigma) * np.float32(2 * sigma), 1)
    beads = np.clip(0.8 + 0.45 * brush.noise(cells.size, 0.06 * cells.unit, rng), 0.1, 1.6)
    return (line * beads + 0.05) * cells.inside


def _mitochondria(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    start = brush.scatter(_near_nucleus(anatomy, 0.5) * (anatomy.cells.depth > 0.05), _count(anatomy, 75), rng)
    heading = _outward(anatomy, start) + rng.normal(0, 0.7, len(start))
    worms = _worms(anatomy, start, heading, (0.12, 0.36), 0.024, rng, wander=1.5)
    return np.minimum(0.8 * worms, 1.2) * (1 - 0.9 * anatomy.cells.nucleus)


def _aggresome(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    lumps = _around(anatomy, _resting_centrosomes(anatomy), 7, 0.055, rng)
    blob = np.minimum(0.8 * dots(cells, lumps, 0.8, 0.075), 1.2)
    return blob * cells.inside * (1 - 0.7 * cells.nucleus) + 0.08 * cells.cytoplasm


def _cytosol(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    cells = anatomy.cells
    grains = 0.6 + 0.07 * brush.noise(cells.size, 0.04 * cells.unit, rng)
    thick = np.clip(cells.depth / 0.3, 0, 1) ** 0.5 * (0.6 + 0.4 * np.exp(-np.maximum(cells.away, 0)))
    return grains * (cells.cytoplasm * thick + 0.3 * cells.nucleus)


def _cytoplasmic_bodies(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    room = anatomy.cells.cytoplasm * (anatomy.cells.depth > 0.1) * (anatomy.cells.away > 0.06)
    return np.minimum(2.0 * _spots(anatomy, room, 5, 0.05, rng, spread=0.2), 1) + 0.06 * anatomy.cells.inside


def _rods_and_rings(anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    room = anatomy.cells.inside * (anatomy.cells.depth > 0.15)
    rods = brush.scatter(room, _count(anatomy, 2.5), rng)
    rings = brush.scatter(room, _count(anatomy, 1.5), rng)
    straight = _worms(anatomy, rods, _angles(rods, rng), (0.3, 0.6), 0.026, rng)
    closed = _worms(anatomy, rings, _angles(rings, rng), (0.6, 0.9), 0.026, rng, turn=2 * np.pi)
    return 1.1 * (straight + closed) + 0.06 * anatomy.cells.inside


PATTERNS: dict[str, Pattern] = dict(
    zip(
        LABEL_NAMES,
        (
            _nucleoplasm,
            _nuclear_membrane,
            _nucleoli,
            _fibrillar_centers,
            _nuclear_speckles,
            _nuclear_bodies,
            _endoplasmic_reticulum,
            _golgi,
            _peroxisomes,
            _endosomes,
            _lysosomes,
            _intermediate_filaments,
            _actin_filaments,
            _focal_adhesions,
            _microtubules,
            _microtubule_ends,
            _cytokinetic_bridge,
            _mitotic_spindle,
            _organizing_center,
            _centrosome,
            _lipid_droplets,
            _plasma_membrane,
            _cell_junctions,
            _mitochondria,
            _aggresome,
            _cytosol,
            _cytoplasmic_bodies,
            _rods_and_rings,
        ),
        strict=True,
    )
)
