"""What a protein's plane shows at each of the 28 locations, and at several.

A pattern is a function of the anatomy of a field and a random generator. It returns a picture of shape (size, size)
whose bright parts are about 1. Lengths are in units of a cell's mean radius.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hpa_lit.synthetic import cytoplasmic, cytoskeletal, nuclear
from hpa_lit.synthetic.brush import Floats, Picture, picture
from hpa_lit.synthetic.geometry import Cells
from hpa_lit.synthetic.structures import Anatomy

EXPRESSED = 0.6  # chance that a cell of a mixed field shows a location
SHOWN = 0.3  # brightness of a pattern at which a cell is said to show it; what spreads from a neighbour is darker

Pattern = Callable[[Anatomy, np.random.Generator], Picture]

PATTERNS: tuple[Pattern, ...] = (
    nuclear.nucleoplasm,
    nuclear.nuclear_membrane,
    nuclear.nucleoli,
    nuclear.fibrillar_centers,
    nuclear.nuclear_speckles,
    nuclear.nuclear_bodies,
    cytoplasmic.endoplasmic_reticulum,
    cytoplasmic.golgi,
    cytoplasmic.peroxisomes,
    cytoplasmic.endosomes,
    cytoplasmic.lysosomes,
    cytoskeletal.intermediate_filaments,
    cytoskeletal.actin_filaments,
    cytoskeletal.focal_adhesions,
    cytoskeletal.microtubules,
    cytoskeletal.microtubule_ends,
    cytoskeletal.cytokinetic_bridge,
    cytoskeletal.mitotic_spindle,
    cytoskeletal.organizing_center,
    cytoskeletal.centrosome,
    cytoplasmic.lipid_droplets,
    cytoplasmic.plasma_membrane,
    cytoplasmic.cell_junctions,
    cytoplasmic.mitochondria,
    cytoplasmic.aggresome,
    cytoplasmic.cytosol,
    cytoplasmic.cytoplasmic_bodies,
    cytoplasmic.rods_and_rings,
)  # in the order of LABEL_NAMES


def draw(
    labels: Sequence[int], anatomy: Anatomy, rng: np.random.Generator, mixed: bool = False
) -> tuple[Picture, npt.NDArray[np.bool_]]:
    """Draw a protein that is at several places: the first is the brightest, and its level differs from cell to cell.

    Args:
        labels: Indices of the places.
        anatomy: Of a field of K cells.
        rng: The picture is a function of its state.
        mixed: Whether each cell shows some of the places, or none; each place is shown by a cell at least.

    Returns:
        The picture, and which cell shows which place, shape (K, labels): some are seen in dividing cells alone, or in
        none that is cut by the border.
    """
    cells = anatomy.cells
    strengths = [1.0, *rng.uniform(0.35, 0.95, len(labels) - 1)]
    nuclear_part = cells.style.nuclear_haze
    protein = cells.style.haze * (
        (1 - nuclear_part) * cytoplasmic.cytosol(anatomy, rng) + nuclear_part * nuclear.nucleoplasm(anatomy, rng)
    )
    shown = np.ones((len(cells.phase), len(labels)), bool)
    for place, (label, strength) in enumerate(zip(labels, strengths, strict=True)):
        light = np.minimum(PATTERNS[label](anatomy, rng), 1.5)
        lit = _brightest(light, cells) >= SHOWN
        shown[:, place] = lit
        if mixed:
            expressed = rng.random(len(lit)) < EXPRESSED
            if (lit & expressed).any():
                light, shown[:, place] = light * cells.of_cell(expressed), lit & expressed
        protein = protein + strength * light
    level = cells.of_cell(np.exp(rng.normal(0, cells.style.variation, len(cells.phase))))
    return picture(protein * level), shown


def _brightest(light: Picture, cells: Cells) -> Floats:
    """The brightest pixel of a picture in each cell, shape (K,); 0 where a cell has none in the field."""
    found = np.zeros(len(cells.phase) + 1)
    np.maximum.at(found, cells.owner.ravel(), light.ravel())
    return found[:-1]
