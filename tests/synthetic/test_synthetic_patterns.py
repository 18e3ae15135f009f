"""Where the light of each location lies, measured on the maps of the cells."""

import numpy as np
import pytest

from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic import geometry, patterns, structures
from hpa_lit.synthetic.brush import Picture
from hpa_lit.synthetic.geometry import METAPHASE, TELOPHASE
from hpa_lit.synthetic.structures import Anatomy
from hpa_lit.synthetic.style import Style

SEEDS = range(3)


def anatomy(label: int, seed: int) -> Anatomy:
    rng = np.random.default_rng([seed, label])
    return structures.build(geometry.place_cells(384, Style.draw([label], rng), rng), rng)


def share(light: Picture, mask: Picture) -> float:
    return float((light * mask).sum() / light.sum())


def shares(name: str, mask_of: str, within: float = np.inf) -> list[float]:
    """Share of a location's bright light that lies in a mask, or where a distance is at most `within`, by field."""
    label, answers = LABEL_NAMES.index(name), []
    for seed in SEEDS:
        body = anatomy(label, seed)
        light = patterns.PATTERNS[label](body, np.random.default_rng(seed))
        light = np.where(light > 0.3 * np.quantile(light, 0.999), light, 0)
        mask = getattr(body.cells, mask_of)
        answers.append(share(light, mask if np.isinf(within) else abs(mask) <= within))
    return answers


@pytest.mark.parametrize("name", LABEL_NAMES[:1] + LABEL_NAMES[2:6])
def test_nuclear_proteins_are_in_the_nucleus(name: str) -> None:
    assert min(shares(name, "nucleus")) > 0.85


@pytest.mark.parametrize("name", LABEL_NAMES[2:4])
def test_nucleolar_proteins_are_in_nucleoli(name: str) -> None:
    assert min(shares(name, "nucleoli")) > 0.6


@pytest.mark.parametrize("name", LABEL_NAMES[4:6])
def test_speckles_and_bodies_are_beside_nucleoli(name: str) -> None:
    assert max(shares(name, "nucleoli")) < 0.25


def test_the_nuclear_membrane_is_the_outline_of_nuclei() -> None:
    assert min(shares("Nuclear membrane", "away", 0.06)) > 0.9


@pytest.mark.parametrize(
    "name",
    [
        "Endoplasmic reticulum",
        "Peroxisomes",
        "Endosomes",
        "Lysosomes",
        "Lipid droplets",
        "Mitochondria",
        "Cytosol",
        "Cytoplasmic bodies",
        "Golgi apparatus",
        "Aggresome",
    ],
)
def test_cytoplasmic_proteins_are_in_the_cytoplasm(name: str) -> None:
    assert min(shares(name, "cytoplasm")) > 0.8


def test_the_plasma_membrane_is_the_outline_of_cells() -> None:
    assert min(shares("Plasma membrane", "depth", 0.1)) > 0.9


def test_focal_adhesions_are_at_the_rim() -> None:
    assert min(shares("Focal adhesion sites", "depth", 0.35)) > 0.8


def test_junctions_are_where_cells_touch() -> None:
    label = LABEL_NAMES.index("Cell junctions")
    for seed in SEEDS:
        body = anatomy(label, seed)
        light = patterns.PATTERNS[label](body, np.random.default_rng(seed))
        for y, x in np.argwhere(light > 0.5 * light.max())[::50]:
            around = body.cells.owner[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5]
            assert len(np.unique(around[around >= 0])) > 1


@pytest.mark.parametrize(("name", "plane"), [("Microtubules", "microtubules"), ("Endoplasmic reticulum", "er")])
def test_reference_structures_look_like_their_planes(name: str, plane: str) -> None:
    label = LABEL_NAMES.index(name)
    body = anatomy(label, 0)
    light = patterns.PATTERNS[label](body, np.random.default_rng(0))
    assert np.corrcoef(light.ravel(), getattr(body, plane).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("name", ["Centrosome", "Microtubule organizing center", "Golgi apparatus", "Aggresome"])
def test_what_gathers_at_the_centrosome_is_near_it(name: str) -> None:
    label = LABEL_NAMES.index(name)
    body = anatomy(label, 1)
    cells = body.cells
    light = patterns.PATTERNS[label](body, np.random.default_rng(1)) * (1 - cells.in_phase(METAPHASE))
    y, x = np.nonzero(light > 0.5 * light.max())
    centrosomes = cells.centrosome[cells.owner[y, x]]
    distance = np.linalg.norm(np.stack([x, y], axis=1) - centrosomes, axis=1) / cells.unit
    assert np.quantile(distance, 0.95) < 0.45


def test_spindles_are_in_metaphase_and_bridges_between_daughters() -> None:
    spindle, bridge = (LABEL_NAMES.index(name) for name in ("Mitotic spindle", "Cytokinetic bridge"))
    for seed in SEEDS:
        body = anatomy(spindle, seed)
        light = patterns.PATTERNS[spindle](body, np.random.default_rng(seed))
        assert share(np.where(light > 0.3, light, 0), body.cells.in_phase(METAPHASE)) > 0.95

        body = anatomy(bridge, seed)
        cells = body.cells
        light = patterns.PATTERNS[bridge](body, np.random.default_rng(seed))
        first = np.flatnonzero(cells.phase == TELOPHASE)
        middle = (cells.centre[first] + cells.centre[cells.twin[first]]) / 2
        spots = np.argwhere(light > 0.5)[:, ::-1]
        nearest = np.linalg.norm(spots[:, None] - middle, axis=2).min(axis=1)
        assert len(spots) > 0
        assert nearest.max() < 0.6 * cells.unit


@pytest.mark.parametrize("seed", SEEDS)
def test_cells_are_laid_out_soundly(seed: int) -> None:
    cells = anatomy(LABEL_NAMES.index("Cytokinetic bridge"), seed).cells
    inside = cells.owner >= 0
    assert np.all(inside[cells.nucleus > 0])
    assert np.all((cells.away < 0) == (cells.nucleus > 0))
    assert np.all(cells.depth[~inside] == 0)
    at_centre = cells.owner_at(cells.centre)
    assert np.all((at_centre == np.arange(len(at_centre))) | (at_centre == -1))
    daughters = np.flatnonzero(cells.phase == TELOPHASE)
    assert len(daughters) > 0
    np.testing.assert_array_equal(cells.twin[cells.twin[daughters]], daughters)
    assert np.all(cells.twin[cells.phase != TELOPHASE] == -1)
