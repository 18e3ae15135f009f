"""What organelles look like from afar: lines and dots that stay within their cell, and places to put them.

Lengths are in units of a cell's mean radius, pictures of shape (size, size) are about 1 in the middle of a mark.
"""

import numpy as np
import numpy.typing as npt

from hpa_lit.synthetic import brush
from hpa_lit.synthetic.brush import Floats, Picture, picture
from hpa_lit.synthetic.geometry import METAPHASE, Cells


def width(cells: Cells, thickness: float) -> float:
    """The standard deviation in pixels of a mark's profile: what no camera resolves is half a pixel wide."""
    return max(thickness * cells.unit, 0.55)


def step(cells: Cells, thickness: float) -> float:
    """Distance of points on a line in pixels at which its ripple stays below a hundredth."""
    return 1.8 * width(cells, thickness)


def strokes(
    cells: Cells, points: Floats, cell: npt.NDArray[np.int64], weight: npt.ArrayLike, thickness: float
) -> Picture:
    """Draw lines that end at the outline of their cell.

    Args:
        cells: The cells.
        points: Points of the lines, shape (lines, steps, 2), pixels.
        cell: The cell of each line, shape (lines,); one of -1 is not drawn.
        weight: Brightness of the middle of each line.
        thickness: Standard deviation of its profile, at least half a pixel.

    Returns:
        Picture in which crossing lines add up.
    """
    sigma = width(cells, thickness)
    stride = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    kept = (cells.owner_at(points) == cell[:, None]) & (cell >= 0)[:, None]
    weights = np.broadcast_to((np.asarray(weight) * stride)[:, None], kept.shape)[kept]
    return brush.blur(brush.ink(points[kept], weights, cells.size), sigma) * np.float32(np.sqrt(2 * np.pi) * sigma)


def dots(cells: Cells, points: Floats, weight: npt.ArrayLike, radius: float) -> Picture:
    """Draw round dots at points (n, 2) with Gaussian profiles of standard deviation `radius`, at least half a pixel."""
    sigma = width(cells, radius)
    return brush.blur(brush.ink(points, weight, cells.size), sigma) * np.float32(2 * np.pi * sigma**2)


def spots(
    cells: Cells, density: Picture, per_cell: float, radius: float, rng: np.random.Generator, spread: float = 0.3
) -> Picture:
    """Dots at random places, more where `density` is larger; `spread` is that of the logarithm of their brightness."""
    places = brush.scatter(density, count(cells, per_cell), rng)
    weight = np.exp(rng.normal(0, spread, len(places)))
    return dots(cells, places, weight, radius * cells.style.coarseness)


def worms(
    cells: Cells,
    start: Floats,
    heading: npt.ArrayLike,
    length: tuple[float, float],
    thickness: float,
    rng: np.random.Generator,
    turn: npt.ArrayLike = 0.0,
    wander: float = 0.0,
) -> Picture:
    """Curved lines of random lengths, each within the cell it starts in; `turn` and `wander` as in `brush.paths`."""
    lengths = cells.unit * cells.style.coarseness * rng.uniform(*length, len(start))
    points = brush.paths(start, heading, lengths, rng, turn, wander, step(cells, thickness))
    return strokes(cells, points, cells.owner_at(start), rng.uniform(0.7, 1.0, len(start)), thickness)


def count(cells: Cells, per_cell: float) -> int:
    """How many marks a field gets: `per_cell` for a protein of usual abundance."""
    return max(1, round(per_cell * cells.style.abundance * cells.number))


def ridge(cells: Cells, distance: Picture, width: float) -> Picture:
    """1 where a distance is 0, falling off over `width`, at least a pixel."""
    return picture(np.exp(-((distance / max(width, 1 / cells.unit)) ** 2)))


def near_nucleus(cells: Cells, reach: float) -> Picture:
    """Density of places in the cytoplasm that falls off from the nucleus."""
    return picture(cells.cytoplasm * np.exp(-np.maximum(cells.away, 0) / reach))


def near_centrosome(cells: Cells, reach: float) -> Picture:
    """Factor on the density of places that falls off from the centrosome of their cell."""
    down, across = np.mgrid[: cells.size, : cells.size].astype(np.float32)
    x, y = (cells.of_cell(cells.centrosome[:, axis]) for axis in (0, 1))
    return picture(np.exp(-np.hypot(across - x, down - y) / (reach * cells.unit)) * cells.inside)


def outward(cells: Cells, places: Floats) -> Floats:
    """Direction from the centre of its cell at each place (n, 2), radians."""
    away = places - cells.centre[cells.owner_at(places)]
    return np.asarray(np.arctan2(away[:, 1], away[:, 0]))


def around(cells: Cells, places: Floats, copies: int, spread: float, rng: np.random.Generator) -> Floats:
    """Each place (n, 2) `copies` times, moved by normal deviates of `spread`."""
    return np.asarray(rng.normal(np.repeat(places, copies, axis=0), spread * cells.unit))


def resting_centrosomes(cells: Cells) -> Floats:
    """Centrosomes of the cells that are not in metaphase, shape (n, 2)."""
    return np.asarray(cells.centrosome[cells.phase != METAPHASE])
