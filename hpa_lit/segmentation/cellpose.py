"""Cells by Cellpose, release 3 or 4, where it is installed (method 14). It uses all cores, or a GPU, by itself."""

import logging
from importlib.metadata import version
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from skimage.segmentation import relabel_sequential

from hpa_lit.errors import InputError, meant
from hpa_lit.files.names import printable
from hpa_lit.files.reading import sha256
from hpa_lit.files.rgby import Pixels
from hpa_lit.segmentation.finding import Cells, enlarged, nuclear_diameter, nuclei_of, working_planes

WIDTH = 2.0  # diameters of a nucleus that a cell is wide, which is what Cellpose asks for
BEFORE_4 = "cyto3"  # what Cellpose 3 recommends; without a name it would take random weights


class Cellpose:
    """A network of Cellpose's.

    Args:
        weights: A file, or the name of one that Cellpose fetches itself; None takes its own default.
        gpu: Use one, where there is one.

    Attributes:
        digest: Of the file of its weights.

    Raises:
        InputError: Cellpose is not installed, does not know these weights, or cannot load them.
    """

    def __init__(self, weights: str | None = None, gpu: bool = True) -> None:
        if find_spec("cellpose") is None:
            raise InputError(
                "segmenter=cellpose needs Cellpose, which is not installed: pip install 'hpa-lit[cellpose]'"
            )
        logging.getLogger("cellpose").setLevel(logging.ERROR)  # it warns of optional packages, and of devices
        from cellpose import core, models

        taken = signature(models.CellposeModel).parameters
        name = _named(weights, taken["pretrained_model"].default or BEFORE_4, models)
        gpu = gpu and core.use_gpu()
        precision = {"use_bfloat16": gpu} if "use_bfloat16" in taken else {}  # CPUs may take eight times as long by it
        try:
            self._model = models.CellposeModel(gpu=gpu, pretrained_model=name, **precision)
            self.digest = sha256(Path(self._model.pretrained_model))
        except Exception as error:  # whatever a file of another kind, or a site that is not reached, makes it raise
            said = printable(" ".join(str(error).split()).partition(". ")[0])[:200]
            what = f"Cellpose {version('cellpose')} cannot load the weights {printable(name)}"
            raise InputError(f"{what}: {type(error).__name__}: {said}") from error

    def find_cells(self, red: Pixels, blue: Pixels, yellow: Pixels, diameter: float | None = None) -> Cells:
        """Find the cells of a field, as `finding.find_cells` does and from the same planes.

        Args:
            red: Microtubules, (H, W) uint8.
            blue: Nuclei.
            yellow: Endoplasmic reticulum.
            diameter: Of a nucleus, in pixels; None estimates it.

        Returns:
            Cells, and of each what is in a nucleus.

        Raises:
            InputError: There is no nucleus to estimate its diameter from, or no cell.
        """
        diameter = diameter or nuclear_diameter(blue)
        dna, stain, unit = working_planes(red, blue, yellow, diameter)
        image = np.stack([stain, dna], axis=2)  # the order that release 3 asks for; to release 4 it is all one
        masks = self._model.eval(image, channel_axis=2, diameter=WIDTH * unit)[0]
        cells = enlarged(np.asarray(masks, np.int32), blue.shape)
        if not cells.any():
            raise InputError("Cellpose finds no cell in it")
        cells = np.asarray(relabel_sequential(cells)[0], np.uint16)
        inside = enlarged(nuclei_of(dna, unit), blue.shape) > 0
        return Cells(cells, np.where(inside, cells, np.uint16(0)), diameter)


def _named(weights: str | None, default: str, models: Any) -> str:
    """The weights to load; refuses a name that Cellpose does not know, for which it would take its default."""
    if weights is None:
        return default
    known = sorted({*models.MODEL_NAMES, *models.get_user_models()})
    if weights not in known and not Path(weights).is_file():
        raise InputError(
            f"cellpose_model={weights}: there is no such file, and no such model{meant(weights, known) or '.'} "
            f"Cellpose {version('cellpose')} knows {', '.join(known)}"
        )
    return weights
