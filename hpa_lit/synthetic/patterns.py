"""What a protein's plane shows at each of the 28 locations, and at several.

A pattern is a function of the anatomy of a field and a random generator. It returns a picture of shape (size, size)
whose bright parts are about 1. Lengths are in units of a cell's mean radius.
"""

from collections.abc import Callable, Sequence

import numpy as np

from hpa_lit.synthetic import cytoplasmic, cytoskeletal, nuclear
from hpa_lit.synthetic.brush import Picture, picture
from hpa_lit.synthetic.structures import Anatomy

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


def draw(labels: Sequence[int], anatomy: Anatomy, rng: np.random.Generator) -> Picture:
    """Draw a protein that is at several places: the first is the brightest, and its level differs from cell to cell."""
    cells = anatomy.cells
    strengths = [1.0, *rng.uniform(0.55, 0.95, len(labels) - 1)]
    protein = cells.style.haze * cytoplasmic.cytosol(anatomy, rng)
    for label, strength in zip(labels, strengths, strict=True):
        protein = protein + strength * np.minimum(PATTERNS[label](anatomy, rng), 1.5)
    return picture(protein * cells.of_cell(np.exp(rng.normal(0, cells.style.variation, len(cells.phase)))))
