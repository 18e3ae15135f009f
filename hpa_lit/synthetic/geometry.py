"""Where the cells of a field lie, and the maps that everything else is drawn from."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hpa_lit.synthetic import brush
from hpa_lit.synthetic.brush import Floats, Picture
from hpa_lit.synthetic.style import Style

INTERPHASE, METAPHASE, TELOPHASE = 0, 1, 2
ANGLES = 1024  # an outline is a table of radii at so many angles
SEA = 32  # pixels of the map that says where islands of cells lie


@dataclass(frozen=True)
class Cells:
    """The K cells of a field. Distances are in units of `unit`, the mean radius of a cell in pixels."""

    size: int
    style: Style
    unit: float
    centre: Floats  # (K, 2) pixels
    axis: Floats  # (K,) radians: the long axis; in division the line between the poles or daughters
    phase: npt.NDArray[np.int64]  # (K,)
    twin: npt.NDArray[np.int64]  # (K,) the other daughter, or -1
    nuclear_radius: Floats  # (K,) units
    centrosome: Floats  # (K, 2) pixels
    owner: npt.NDArray[np.int64]  # (size, size) cell of a pixel, -1 outside all
    nucleus: Picture  # (size, size) 1 inside
    depth: Picture  # (size, size) distance to the nearest outline of a cell
    away: Picture  # (size, size) distance to the nearest outline of a nucleus, negative inside
    nucleoli: Picture  # (size, size) 0..1

    @property
    def inside(self) -> Picture:
        """1 in a cell, 0 between."""
        return (self.owner >= 0).astype(np.float32)

    @property
    def cytoplasm(self) -> Picture:
        """1 in a cell outside its nucleus."""
        return self.inside * (1 - self.nucleus)

    @property
    def number(self) -> float:
        """How many whole cells' worth of area the field shows."""
        return float(self.inside.sum()) / (np.pi * self.unit**2)

    def of_cell(self, values: npt.ArrayLike) -> Picture:
        """Spread a value a cell, shape (K,), over the pixels of the cells; 0 outside."""
        return np.append(np.asarray(values, np.float32), np.float32(0))[self.owner]

    def in_phase(self, phase: int) -> Picture:
        """1 in the cells of a phase."""
        return self.of_cell(self.phase == phase)

    def owner_at(self, points: Floats) -> npt.NDArray[np.int64]:
        """The cell at each point (..., 2); -1 outside all cells and outside the field."""
        place = np.rint(points).astype(np.int64)
        outside = np.any((place < 0) | (place >= self.size), axis=-1)
        place = np.clip(place, 0, self.size - 1)
        return np.where(outside, -1, self.owner[place[..., 1], place[..., 0]])


def place_cells(size: int, style: Style, rng: np.random.Generator) -> Cells:
    """Lay cells into a field of size x size pixels.

    Cells are elliptic stars around their nuclei. Where two meet, each pixel goes to the cell in which it lies
    relatively nearer to the centre, so that crowded cells form straight contacts, as in a layer of epithelium.
    """
    unit = style.radius * size
    centre, radius, axis, phase, twin = _scatter_cells(size, unit, style, rng)
    count = len(centre)
    stretch = np.where(phase == INTERPHASE, style.elongation ** rng.uniform(0.6, 1.4, count), 1.0)
    outline = radius[:, None] * _outlines(axis, stretch, style.roughness, rng)
    outline = np.where((phase == INTERPHASE)[:, None], outline * _relief(count, style, rng), outline)
    bend = np.where(phase == INTERPHASE, style.bend * rng.normal(0, 1, count), 0.0).clip(-0.5, 0.5) / (radius * unit)

    nuclear_radius = radius * style.nucleus * rng.uniform(0.9, 1.12, count)
    nuclear_radius = np.where(phase == METAPHASE, 0.25 * radius, nuclear_radius)
    nuclear_axis = axis + np.where(phase == INTERPHASE, rng.normal(0, 0.3, count), np.pi / 2)
    nuclear_stretch = np.choose(
        phase, [rng.uniform(1.0, 1.22, count) * np.sqrt(stretch), np.full(count, 1.8), np.full(count, 1.3)]
    )
    nuclear_outline = nuclear_radius[:, None] * _outlines(nuclear_axis, nuclear_stretch, style.lobes, rng)

    owner, nucleus = _paint(size, unit * centre, unit * outline, unit * nuclear_outline, axis, bend)
    return Cells(
        size=size,
        style=style,
        unit=unit,
        centre=unit * centre,
        axis=axis,
        phase=phase,
        twin=twin,
        nuclear_radius=nuclear_radius,
        centrosome=unit * _centrosomes(centre, axis, nuclear_outline, rng),
        owner=owner,
        nucleus=nucleus,
        depth=_distance(_interior(owner)) / np.float32(unit),
        away=(_distance(1 - nucleus) - _distance(nucleus)) / np.float32(unit),
        nucleoli=_nucleoli(size, unit, centre, nuclear_radius, phase, style, rng) * nucleus,
    )


def _scatter_cells(
    size: int, unit: float, style: Style, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Throw cells at the field, keeping those that find room: centre (K, 2) and radius in units, axis, phase, twin."""
    width = size / unit
    tries = 1 + int(style.tries * width**2)
    where = rng.uniform(-0.6, width + 0.6, (tries, 2))
    where[0] = width * rng.uniform(0.3, 0.7, 2)  # no field is empty
    land = brush.noise(SEA, SEA / max(width / 3.5, 1.01), rng)
    sea = np.quantile(land, style.islands) if style.islands else -np.inf
    chances = [1 - style.metaphase - style.telophase, style.metaphase, style.telophase]
    thrown = zip(
        where,
        np.clip(rng.normal(1, style.spread, tries), 0.6, 1.5),
        rng.normal(style.direction, 0.7, tries),
        rng.choice([INTERPHASE, METAPHASE, TELOPHASE], tries, p=chances),
        strict=True,
    )
    rows: list[tuple[float, ...]] = []
    for place, full_radius, angle, kind in thrown:
        column, row = np.clip(place / width * SEA, 0, SEA - 1).astype(int)
        if rows and land[row, column] < sea:
            continue
        r = full_radius * (1.0, 0.85, 0.66)[kind]
        arm = 0.78 * full_radius * np.array([np.cos(angle), np.sin(angle)])
        places = np.array([place - arm, place + arm] if kind == TELOPHASE else [place])
        there = np.array(rows).reshape(-1, 6)
        if np.any(np.linalg.norm(places[:, None] - there[:, :2], axis=2) < style.spacing * (r + there[:, 2])):
            continue
        twins = (len(rows) + 1, len(rows)) if kind == TELOPHASE else (-1,)
        rows += [(*at, r, angle, kind, twin) for at, twin in zip(places, twins, strict=True)]
    table = np.array(rows)
    return table[:, :2], table[:, 2], table[:, 3], table[:, 4].astype(np.int64), table[:, 5].astype(np.int64)


def _outlines(axis: Floats, stretch: Floats, roughness: float, rng: np.random.Generator) -> Floats:
    """Radii of rough ellipses of area pi at `ANGLES` angles, shape (K, ANGLES); `stretch` squared is the aspect."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False) - axis[:, None]
    ellipse = 1 / np.hypot(np.cos(angle) / stretch[:, None], np.sin(angle) * stretch[:, None])
    rough = np.ones_like(angle)
    for wave in range(2, 8):
        size, shift = rng.normal(0, roughness / wave, (len(axis), 1)), rng.uniform(0, 2 * np.pi, (len(axis), 1))
        rough += size * np.cos(wave * angle + shift)
    return np.asarray(ellipse * np.clip(rough, 0.5, 1.6))


def _relief(count: int, style: Style, rng: np.random.Generator) -> Floats:
    """What makes cells irregular, as factors on their radii, shape (K, ANGLES): offset, arms, and ruffles."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)[None]

    def turned() -> Floats:
        return np.asarray(angle - rng.uniform(0, 2 * np.pi, (count, 1)))

    relief = 1 + style.offset * rng.uniform(0, 1, (count, 1)) * np.cos(turned())
    for _ in range(4):
        reach = style.arms * np.maximum(rng.uniform(-1, 1, (count, 1)), 0)
        relief += reach * np.exp(rng.uniform(8, 40, (count, 1)) * (np.cos(turned()) - 1))
    for wave in range(9, 49, 5):
        relief += style.ruffles * (9 / wave) ** 0.5 * rng.normal(0, 1, (count, 1)) * np.cos(wave * turned())
    return np.clip(relief, 0.5, 2.2)


def _paint(
    size: int, centre: Floats, outline: Floats, nuclear_outline: Floats, axis: Floats, bend: Floats
) -> tuple[npt.NDArray[np.int64], Picture]:
    """The cell of each pixel, and the nuclei.

    Args:
        size: Of the field.
        centre: Pixels, (K, 2).
        outline: Of cells, pixels, (K, ANGLES).
        nuclear_outline: Likewise of nuclei.
        axis: Of cells, radians, (K,).
        bend: How much a cell leaves its axis sideways, for each square of the way along it, (K,) 1 / pixels.
    """
    best = np.ones((size, size), np.float32)
    owner = np.full((size, size), -1, np.int64)
    nucleus = np.zeros((size, size), np.float32)
    for k, (x, y) in enumerate(centre):
        reach = np.maximum(outline[k], 1.12 * nuclear_outline[k])
        half = reach.max() * (1 + min(abs(bend[k]) * reach.max(), 1.0)) + 2
        low = np.clip(np.floor([x - half, y - half]), 0, size).astype(int)
        high = np.clip(np.ceil([x + half, y + half]), 0, size).astype(int)
        if np.any(low >= high):
            continue
        window = slice(low[1], high[1]), slice(low[0], high[0])
        across, down = np.meshgrid(
            np.arange(low[0], high[0], dtype=np.float32) - np.float32(x),
            np.arange(low[1], high[1], dtype=np.float32) - np.float32(y),
        )
        distance, index = _polar(across, down)
        core = distance < nuclear_outline[k].astype(np.float32)[index]
        if bend[k]:
            along = across * np.float32(np.cos(axis[k])) + down * np.float32(np.sin(axis[k]))
            aside = np.float32(bend[k]) * along * along
            distance, index = _polar(
                across - aside * np.float32(np.sin(axis[k])), down + aside * np.float32(np.cos(axis[k]))
            )
        relative = distance / reach.astype(np.float32)[index]
        # A nucleus is never given away to a neighbour.
        relative[core] = -1
        won = relative < best[window]
        best[window][won] = relative[won]
        owner[window][won] = k
        nucleus[window][won] = relative[won] == -1
    return owner, nucleus


def _polar(across: Picture, down: Picture) -> tuple[Picture, npt.NDArray[np.int64]]:
    """Distance from the centre, and the row of an outline's table."""
    distance, angle = cv2.cartToPolar(across, down)
    return np.asarray(distance, np.float32), (angle * np.float32(ANGLES / (2 * np.pi))).astype(np.int64) % ANGLES


def _interior(owner: npt.NDArray[np.int64]) -> Picture:
    """1 in the cells but for the pixels at an outline."""
    edge = np.zeros(owner.shape, bool)
    edge[:, 1:] |= owner[:, 1:] != owner[:, :-1]
    edge[1:] |= owner[1:] != owner[:-1]
    return ((owner >= 0) & ~edge).astype(np.float32)


def _distance(mask: Picture) -> Picture:
    """Distance of each pixel of `mask` to the nearest one outside it; where there is none, very far."""
    if mask.all():
        return np.full(mask.shape, 1e4, np.float32)
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _centrosomes(centre: Floats, axis: Floats, nuclear_outline: Floats, rng: np.random.Generator) -> Floats:
    """A place just outside each nucleus, towards one end of the cell, where microtubules start; shape (K, 2)."""
    angle = axis + rng.integers(0, 2, len(axis)) * np.pi + rng.normal(0, 0.5, len(axis))
    index = (angle * ANGLES / (2 * np.pi)).astype(np.int64) % ANGLES
    reach = nuclear_outline[np.arange(len(axis)), index] + 0.08
    return np.asarray(centre + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def _nucleoli(
    size: int,
    unit: float,
    centre: Floats,
    nuclear_radius: Floats,
    phase: npt.NDArray[np.int64],
    style: Style,
    rng: np.random.Generator,
) -> Picture:
    """Nucleoli of the cells that do not divide: a few soft-edged blobs in each nucleus."""
    picture = np.zeros((size, size), np.float32)
    for k in np.flatnonzero(phase == INTERPHASE):
        for _ in range(rng.poisson(style.nucleoli - 1) + 1):
            angle, out = rng.uniform(0, 2 * np.pi), 0.6 * np.sqrt(rng.random())
            place = centre[k] + out * nuclear_radius[k] * np.array([np.cos(angle), np.sin(angle)])
            axes = (
                nuclear_radius[k] * style.nucleolus * rng.uniform(0.13, 0.27) * np.array([1.0, rng.uniform(0.65, 1.0)])
            )
            # Sixteenths of a pixel, so that small pictures show round nucleoli too.
            x, y = (np.rint(16 * unit * place)).astype(int).tolist()
            width, height = np.maximum(np.rint(16 * unit * axes), 1).astype(int).tolist()
            cv2.ellipse(picture, (x, y), (width, height), float(rng.uniform(0, 180)), 0, 360, 1.0, -1, shift=4)
    return brush.blur(picture, max(0.02 * unit, 0.6))
