"""What everything is drawn with: smooth noise, random places, curved lines and round dots.

Lengths are in pixels, places are (x, y), pictures are float32 arrays of shape (H, W). Nothing here loops over pixels
or over lines: a field holds thousands of filaments.
"""

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def picture(values: npt.ArrayLike) -> Picture:
    """Whatever NumPy made of float32 maps and Python numbers, as float32."""
    return np.asarray(values, np.float32)


def noise(size: int, grain: float, rng: np.random.Generator) -> Picture:
    """Smooth noise of shape (size, size), mean 0 and standard deviation about 1, with features of `grain` pixels."""
    coarse = max(4, round(size / max(grain, 1.0)))
    values = rng.standard_normal((coarse, coarse), dtype=np.float32)
    return picture(1.16 * cv2.resize(values, (size, size), interpolation=cv2.INTER_CUBIC))


def blur(sharp: Picture, sigma: float) -> Picture:
    """Gaussian blur; wide ones are done on a smaller copy, where nobody sees the difference."""
    size = sharp.shape[0]
    shrink = 2 ** max(0, int(np.log2(max(sigma, 1.0) / 2)))
    if size // shrink < 8 or shrink == 1:
        return picture(cv2.GaussianBlur(sharp, (0, 0), sigma))
    small = cv2.resize(sharp, (size // shrink, size // shrink), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return picture(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR))


def scatter(density: Picture, count: int, rng: np.random.Generator) -> Floats:
    """Draw random places, more where `density` is larger; shape (count, 2), or (0, 2) where it is zero throughout."""
    total = np.cumsum(density, dtype=np.float64)
    if not total[-1] > 0:
        return np.zeros((0, 2))
    flat = np.searchsorted(total, rng.random(count) * total[-1])
    rows, columns = np.divmod(np.minimum(flat, total.size - 1), density.shape[1])
    return np.stack([columns, rows], axis=1) + rng.uniform(-0.5, 0.5, (count, 2))


def paths(
    start: Floats,
    heading: npt.ArrayLike,
    length: npt.ArrayLike,
    rng: np.random.Generator,
    turn: npt.ArrayLike = 0.0,
    wander: float = 0.0,
    step: float = 1.0,
) -> Floats:
    """Walk along curved lines.

    Args:
        start: First point of each line, shape (lines, 2).
        heading: Direction at the start, radians, one or a line.
        length: Length, one or a line.
        rng: Source of the wandering.
        turn: How far each line turns in all, radians; two pi closes a ring.
        wander: Standard deviation of the random part of that turn, radians.
        step: Largest distance of points on a line.

    Returns:
        Points, shape (lines, steps, 2).
    """
    lines = len(start)
    length = np.broadcast_to(np.asarray(length, np.float64), lines)
    steps = max(2, int(np.ceil(length.max(initial=0) / step)))
    along = np.linspace(0, 1, steps)
    angle = np.broadcast_to(np.asarray(heading, np.float64), lines)[:, None] + np.multiply.outer(
        np.broadcast_to(np.asarray(turn, np.float64), lines), along
    )
    if wander:
        angle = angle + wander / np.sqrt(steps) * np.cumsum(rng.standard_normal((lines, steps)), axis=1)
    stride = (length / steps)[:, None]
    moves = np.stack([stride * np.cos(angle), stride * np.sin(angle)], axis=2)
    moves[:, 0] = 0
    return start[:, None] + np.cumsum(moves, axis=1)


def ink(points: Floats, weight: npt.ArrayLike, size: int) -> Picture:
    """Sum weights of points (n, 2) into a picture of shape (size, size), each shared among its four nearest pixels."""
    weight = np.broadcast_to(np.asarray(weight, np.float64), len(points))
    near = np.all((points >= 0) & (points < size - 1), axis=1)
    points, weight = points[near], weight[near]
    corner = np.floor(points).astype(np.int64)
    right, down = (points - corner).T
    flat = corner[:, 1] * size + corner[:, 0]
    places = np.concatenate([flat, flat + 1, flat + size, flat + size + 1])
    shares = np.concatenate([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]) * np.tile(
        weight, 4
    )
    return np.bincount(places, shares, size * size).reshape(size, size).astype(np.float32)
