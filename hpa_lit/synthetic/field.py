"""One field of cells as a microscope shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic import geometry, patterns, structures
from hpa_lit.synthetic.camera import Camera
from hpa_lit.synthetic.style import Style


@dataclass(frozen=True)
class Field:
    """A field of K cells, and the truth about them.

    Attributes:
        image: Shape (size, size, 4) uint8, red, green, blue, yellow.
        cells: Shape (size, size) uint16, the number of the cell that a pixel is in, 1 to K; 0 between them.
        nuclei: Likewise of nuclei, each with the number of its cell.
        labels: What each cell shows, as indices into `LABEL_NAMES`; none where it shows nothing.
    """

    image: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.uint16]
    nuclei: npt.NDArray[np.uint16]
    labels: tuple[tuple[int, ...], ...]


def draw_field(
    labels: Sequence[int], size: int, rng: np.random.Generator, style: Style | None = None
) -> npt.NDArray[np.uint8]:
    """Draw the image of a field, shape (size, size, 4), red, green, blue, yellow; as `draw_cells` has it."""
    return draw_cells(labels, size, rng, style).image


def draw_cells(
    labels: Sequence[int], size: int, rng: np.random.Generator, style: Style | None = None, mixed: bool = False
) -> Field:
    """Draw a field of cells with a protein at given locations.

    Args:
        labels: Indices into `LABEL_NAMES`, at least one; the first is the main location.
        size: Width and height in pixels; everything scales with it.
        rng: The field is a function of its state.
        style: What fields of one antibody share; drawn where it is not given.
        mixed: Whether each cell shows some of the locations, or none, in place of all.
    """
    if not labels or any(not 0 <= label < len(LABEL_NAMES) for label in labels):
        raise InputError(f"labels {list(labels)}: give at least one index from 0 to {len(LABEL_NAMES) - 1}")
    style = style or Style.draw(labels, rng)
    cells = geometry.place_cells(size, style, rng)
    anatomy = structures.build(cells, rng)
    protein, shown = patterns.draw(labels, anatomy, rng, mixed)
    camera = Camera.draw(rng)
    brightness = (rng.uniform(60, 260), style.brightness, rng.uniform(70, 220), rng.uniform(40, 170))
    planes = [
        camera.photograph(light, cells.unit, level, rng)
        for light, level in zip((anatomy.microtubules, protein, anatomy.dna, anatomy.er), brightness, strict=True)
    ]
    seen = np.unique(cells.owner[cells.owner >= 0])  # some were thrown beside the field
    number = np.zeros(len(cells.phase) + 1, np.uint16)
    number[seen] = np.arange(1, len(seen) + 1)
    numbers = number[cells.owner]
    return Field(
        image=np.stack(planes, axis=2),
        cells=numbers,
        nuclei=np.where(cells.nucleus > 0, numbers, np.uint16(0)),
        labels=tuple(tuple(np.asarray(labels)[shown[k]].tolist()) for k in seen),
    )
