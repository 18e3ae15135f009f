"""The three planes that are the same for every protein: microtubules, nuclei, endoplasmic reticulum."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpa_lit.synthetic import brush
from hpa_lit.synthetic.brush import Floats, Picture, picture
from hpa_lit.synthetic.geometry import INTERPHASE, METAPHASE, Cells
from hpa_lit.synthetic.marks import dots, step, strokes

THREAD = 0.01  # thickness of a microtubule


@dataclass(frozen=True)
class Anatomy:
    """The cells of a field, and what proteins can lie on. Pictures are (size, size), 0 to about 1."""

    cells: Cells
    filaments: Floats  # (lines, steps, 2) the microtubules, from the minus end to the plus end
    filament_cell: npt.NDArray[np.int64]  # (lines,)
    poles: Picture
    spindle: Picture
    bridge: Picture
    microtubules: Picture
    dna: Picture
    er: Picture


def build(cells: Cells, rng: np.random.Generator) -> Anatomy:
    """Draw the structures of placed cells."""
    filaments, filament_cell = _microtubules(cells, rng)
    (poles, spindle), bridge = _spindles(cells, rng), _bridges(cells, rng)
    strands = strokes(cells, filaments, filament_cell, rng.uniform(0.5, 1.0, len(filament_cell)), THREAD)
    # Where many lie over one another, their light grows more slowly than their number.
    mesh = 1.2 * (1 - np.exp(-0.5 * strands)) * cells.of_cell(np.exp(rng.normal(0, 0.25, len(cells.phase))))
    # A cell is thickest around its nucleus, and the nucleus itself is above or below the plane.
    thickness = (0.45 + 0.65 * np.exp(-np.maximum(cells.away, 0) / cells.style.slope)) * (1 - 0.7 * cells.nucleus)
    return Anatomy(
        cells=cells,
        filaments=filaments,
        filament_cell=filament_cell,
        poles=poles,
        spindle=spindle,
        bridge=bridge,
        microtubules=(mesh + 0.05 * cells.inside) * thickness + spindle + 1.5 * bridge,
        dna=_dna(cells, rng),
        er=_reticulum(cells, rng),
    )


def _microtubules(cells: Cells, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Microtubules of the cells that are not in metaphase: some from the centrosome, the others from all over."""
    resting = np.flatnonzero(cells.phase != METAPHASE)
    cell = np.repeat(resting, int(cells.style.filaments * cells.style.gathered))
    from_centre = cells.centrosome[cell] + rng.normal(0, 0.12 * cells.unit, (len(cell), 2))
    room = cells.cytoplasm * (1 - cells.in_phase(METAPHASE)) * (0.4 + np.exp(-np.maximum(cells.away, 0) / 0.2))
    anywhere = brush.scatter(picture(room), len(resting) * int(cells.style.filaments) - len(cell), rng)
    start = np.concatenate([from_centre, anywhere])
    cell = np.concatenate([cell, cells.owner_at(anywhere)])
    outward = start - cells.centre[cell]
    heading = np.arctan2(outward[:, 1], outward[:, 0]) + rng.normal(0, 1.3, len(cell))
    length = cells.unit * rng.uniform(0.5, 1.5, len(cell))
    turn = rng.normal(0, 1.0, len(cell))
    return brush.paths(start, heading, length, rng, turn, wander=0.6, step=step(cells, THREAD)), cell


def _spindles(cells: Cells, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Two poles and the fibres from them to the plate, in the cells in metaphase."""
    cell = np.tile(np.repeat(np.flatnonzero(cells.phase == METAPHASE), 40), 2)
    angle = cells.axis[cell] + np.repeat([0.0, np.pi], len(cell) // 2)
    reach = 0.5 * cells.unit
    pole = cells.centre[cell] + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fan = rng.normal(0, 0.5, len(cell))
    fibres = brush.paths(pole, angle + np.pi + fan, reach, rng, turn=-1.1 * fan, step=step(cells, 0.015))
    poles = dots(cells, pole, 1 / 40, 0.05)
    return poles, np.minimum(0.3 * strokes(cells, fibres, cell, 1.0, 0.015) + 0.7 * poles, 1.3)


def _bridges(cells: Cells, rng: np.random.Generator) -> Picture:
    """The thin strand between two daughters, bright on both sides of the midbody."""
    first = np.flatnonzero(cells.twin > np.arange(len(cells.twin)))
    ends = np.stack([cells.centre[first], cells.centre[cells.twin[first]]], axis=1)
    along = np.linspace(0.32, 0.68, 2 * int(0.6 * cells.unit) + 3)[:, None]
    points = ends[:, :1] * (1 - along) + ends[:, 1:] * along
    weight = rng.uniform(0.9, 1.3, (len(first), 1)) * np.where(abs(along[:, 0] - 0.5) < 0.025, 0.3, 1.0)
    sigma = max(0.035 * cells.unit, 0.7)
    strand = brush.ink(points.reshape(-1, 2), 0.55 * weight.ravel(), cells.size)
    return picture(np.minimum(brush.blur(strand, sigma) * np.sqrt(2 * np.pi) * sigma, 1.5))


def _dna(cells: Cells, rng: np.random.Generator) -> Picture:
    """Nuclei with the texture of chromatin, darker at the nucleoli; bright compact plates in metaphase."""
    texture = brush.noise(cells.size, cells.style.grain * cells.unit, rng) + 0.7 * brush.noise(
        cells.size, 0.45 * cells.style.grain * cells.unit, rng
    )
    level = np.exp(rng.normal(0, 0.25, len(cells.phase)))
    level *= np.choose(cells.phase, [1.0, 1.9, 1.4])
    rim = np.exp(-((cells.away / 0.03) ** 2))
    interphase = 0.62 + cells.style.chromatin * 0.6 * texture + 0.2 * rim - 0.4 * cells.nucleoli
    condensed = 0.9 + 0.08 * texture
    shade = np.where(cells.in_phase(INTERPHASE) > 0, interphase, condensed)
    return picture(cells.nucleus * np.maximum(shade, 0.05) * cells.of_cell(level))


def _reticulum(cells: Cells, rng: np.random.Generator) -> Picture:
    """A mesh, densest around the nucleus, with its envelope and holes; dim over the nucleus."""
    grain = cells.style.er_grain * cells.unit
    mesh = 1 - np.minimum(abs(brush.noise(cells.size, 1.6 * grain, rng)), 1.2)
    grains = brush.noise(cells.size, grain, rng)
    patches = 1 + 0.25 * brush.noise(cells.size, 0.4 * cells.unit, rng)
    density = 0.25 + np.exp(-np.maximum(cells.away, 0) / cells.style.er_reach)
    cytoplasm = np.maximum(0.5 + 0.45 * mesh + 0.15 * grains, 0.02) * patches * density
    envelope = 0.5 * np.exp(-((cells.away / 0.025) ** 2)) * cells.in_phase(INTERPHASE)
    in_nucleus = 0.2 + 0.03 * grains
    level = np.exp(rng.normal(0, 0.3, len(cells.phase))) * np.choose(cells.phase, [1.0, 0.8, 0.9])
    # The soft outline stands for the thin edge of a cell.
    thin = np.clip(cells.depth / 0.12, 0.0, 1.0) ** 0.5
    shade = np.where(cells.nucleus > 0, in_nucleus, cytoplasm * thin)
    return picture((shade + envelope) * cells.inside * cells.of_cell(level))
