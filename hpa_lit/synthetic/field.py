"""One field of cells as a microscope shows it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic import brush, geometry, patterns, structures
from hpa_lit.synthetic.brush import Picture
from hpa_lit.synthetic.style import Style


def draw_field(
    labels: Sequence[int], size: int, rng: np.random.Generator, style: Style | None = None
) -> npt.NDArray[np.uint8]:
    """Draw a field of cells with a protein at given locations.

    Args:
        labels: Indices into `LABEL_NAMES`, at least one; the first is the main location.
        size: Width and height in pixels; everything scales with it.
        rng: The field is a function of its state.
        style: What fields of one antibody share; drawn where it is not given.

    Returns:
        Array of shape (size, size, 4), red, green, blue, yellow.
    """
    if not labels or any(not 0 <= label < len(LABEL_NAMES) for label in labels):
        raise InputError(f"labels {list(labels)}: give at least one index from 0 to {len(LABEL_NAMES) - 1}")
    style = style or Style.draw(labels, rng)
    cells = geometry.place_cells(size, style, rng)
    anatomy = structures.build(cells, rng)
    protein = patterns.draw(labels, anatomy, rng)
    planes = [
        _expose(anatomy.microtubules, cells.unit, rng.uniform(60, 180), rng),
        _expose(protein, cells.unit, style.brightness, rng),
        _expose(anatomy.dna, cells.unit, rng.uniform(60, 170), rng),
        _expose(anatomy.er, cells.unit, rng.uniform(35, 130), rng),
    ]
    return np.stack(planes, axis=2)


def _expose(light: Picture, unit: float, brightness: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Photograph a plane: light of 1 becomes `brightness`; some is out of focus; noise of counted photons; 8 bits."""
    light = np.float32(brightness) * np.maximum(light + 0.08 * brush.blur(light, 0.12 * unit), 0)
    light += np.sqrt(light) * rng.standard_normal(light.shape, dtype=np.float32) * np.float32(1.3)
    # Cameras are set so that the dark between cells is cut off.
    return np.clip(light - 3, 0, 255).astype(np.uint8)
