"""How a picture looks, whatever a network makes of it: brightness, spread, texture and how its planes go together.

A network sees what it learned to see, and real photographs may fall on drawings there; see `results.novelty`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import cv2
import joblib
import numpy as np
import numpy.typing as npt

from hpa_lit.files import rgby
from hpa_lit.progress import progress

SIDE = 256  # pixels that a picture is brought to
PERCENTILES = (5, 50, 95, 99.5)
BLURS = (2, 4, 8)  # pixels; finer texture differs more between file formats (JPEG, PNG) than between specimens
DARK = 1e-4  # of 1: a texture fainter than this is none


def appearance(image: rgby.Pixels) -> npt.NDArray[np.float64]:
    """Measures of a picture.

    Args:
        image: Shape (256, 256, C), 0..255.

    Returns:
        Of each plane its percentiles, mean, standard deviation, and the logarithms of what is between the blurs; then
        the correlation of every two planes, by Fisher's z. Shape (8 C + C (C - 1) / 2,).
    """
    measures: list[float] = []
    planes = image.astype(np.float32) / 255
    for plane in np.moveaxis(planes, -1, 0):
        blurred = [cv2.GaussianBlur(plane, (0, 0), sigma) for sigma in BLURS]
        between = [np.std(fine - coarse) for fine, coarse in pairwise(blurred)]
        measures += [*np.percentile(plane, PERCENTILES), plane.mean(), plane.std(), *np.log(np.add(between, DARK))]
    with np.errstate(invalid="ignore"):  # a plane that is the same everywhere goes together with none
        together = np.nan_to_num(np.corrcoef(planes.reshape(-1, planes.shape[-1]), rowvar=False))
    correlations = np.atleast_2d(together)[np.triu_indices(planes.shape[-1], 1)]
    return np.array([*measures, *np.arctanh(np.clip(correlations, -0.99, 0.99))])


def appearances(
    ids: Sequence[str],
    files: Mapping[str, rgby.ImageFiles],
    bits: rgby.BitDepth,
    channels: rgby.Channels,
    missing: rgby.Missing,
    workers: int | None = None,
) -> npt.NDArray[np.float64]:
    """The `appearance` of N images, by as many threads as there are `workers` (None: one a core); shape (N, d).

    Args:
        ids: N Ids.
        files: The files of each.
        bits: Depth of planes stored in 16 bits.
        channels: The planes to look at.
        missing: Whether planes that are not there are an error, or zeros.
        workers: Number of threads; 0 is one, too.

    Raises:
        InputError: A picture cannot be read.
    """
    look = joblib.delayed(partial(_look, bits=bits, channels=channels, missing=missing))
    threads = -1 if workers is None else max(1, workers)
    parallel = joblib.Parallel(threads, return_as="generator", prefer="threads")  # which need not import torch anew
    found = progress(parallel(look(files[image_id]) for image_id in ids), "look at pictures", len(ids))
    return np.stack(list(found))


def _look(
    files: rgby.ImageFiles, bits: rgby.BitDepth, channels: rgby.Channels, missing: rgby.Missing
) -> npt.NDArray[np.float64]:
    planes = rgby.read_channels(files, bits, channels=channels, missing=missing)
    small = [cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for plane in planes]
    return appearance(np.asarray(np.stack(small, axis=-1), np.uint8))
