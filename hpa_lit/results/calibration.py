"""Whether probabilities mean what they say: of the cells given 0.7, do seven in ten have the label?"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.results.arrays import probabilities, targets


def reliability(target: npt.ArrayLike, probs: npt.ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Probabilities beside shares, over all cells of the image by label matrix.

    Args:
        target: 0/1, shape (N, K).
        probs: Shape (N, K).
        bins: Bins of equal width; a probability on the border of two counts in the lower one.

    Returns:
        A row for each bin: low, high, cells (how many), probability (their mean) and share (those that have the
        label); both NaN in an empty bin.
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape).ravel()
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], values.ravel())
    cells, total, has = (
        np.bincount(place, weights, minlength=bins).astype(np.float64) for weights in (None, values.ravel(), truth)
    )
    table = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "cells": cells.astype(np.int64)})
    occupied = np.where(cells > 0, cells, np.nan)
    return table.assign(probability=total / occupied, share=has / occupied)


def expected_error(reliability: pd.DataFrame) -> float:
    """Expected calibration error: how far shares lie from probabilities, on average over cells."""
    gap = (reliability["probability"] - reliability["share"]).abs()
    return float((gap * reliability["cells"]).sum() / reliability["cells"].sum())
