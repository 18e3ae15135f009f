"""One probability for each image and label, out of those of several views, models and near-identical images.

method 9. Order matters: views first, then folds, then duplicates.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError, listing
from hpa_lit.results.arrays import Doubles, probabilities

How = Literal["maximum", "mean", "first"]


def over_views(stack: npt.ArrayLike, how: How = "maximum") -> Doubles:
    """Combine the test-time views of one model.

    Args:
        stack: Probabilities, shape (V, N, K).
        how: "maximum" or "mean", element by element, or "first", the first view alone: the whole image as it is.

    Returns:
        Shape (N, K).
    """
    values = probabilities("views", stack, ndim=3)
    if how == "maximum":
        return np.asarray(values.max(axis=0))
    if how == "mean":
        return np.asarray(values.mean(axis=0))
    if how == "first":
        return np.array(values[0])
    raise InputError(f"over_views={how}: choose maximum, mean or first")


def over_folds(stack: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Doubles:
    """Average folds, or different models, that predicted the same images.

    Args:
        stack: Probabilities, shape (F, N, K).
        weights: F positive weights, of any sum; all the same when None.

    Returns:
        Shape (N, K).
    """
    values = probabilities("folds", stack, ndim=3)
    if weights is None:
        return np.asarray(values.mean(axis=0))
    shares = np.asarray(weights, np.float64)
    if shares.shape != values.shape[:1] or not (shares > 0).all():
        raise InputError(f"weights are {shares.tolist()}; expected {len(values)} positive numbers, one for each file")
    return np.asarray(np.average(values, axis=0, weights=shares))


def over_duplicates(probs: npt.ArrayLike, ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> Doubles:
    """Give near-identical images the mean of their probabilities, pair by pair.

    Pairs are worked off in order, each from the values that the pairs before it left, as the reference does.

    Args:
        probs: Shape (N, K).
        ids: The N Ids.
        pairs: Ids of the images that belong together.

    Returns:
        Shape (N, K).
    """
    result = probabilities("probabilities", probs).copy()
    row = rows_by_id(ids, len(result))
    if unknown := sorted({i for pair in pairs for i in pair} - row.keys()):
        raise InputError(f"{len(unknown)} Ids of duplicates were not predicted:\n{listing(unknown)}")
    for first, second in pairs:
        both = [row[first], row[second]]
        result[both] = result[both].mean(axis=0)
    return result


def out_of_fold(ids: Sequence[Sequence[str]], probs: Sequence[npt.ArrayLike]) -> tuple[list[str], Doubles]:
    """Stack the validation predictions of several folds, each made by the model that did not train on its images.

    Args:
        ids: For each fold, its Ids.
        probs: For each fold, shape (N of the fold, K).

    Returns:
        The Ids of all folds in ascending order, and their probabilities, shape (sum of N, K).

    Raises:
        InputError: An Id is in two folds.
    """
    stacked = [i for fold in ids for i in fold]
    values = np.concatenate([probabilities("probabilities", fold) for fold in probs])
    rows_by_id(stacked, len(values))
    order = sorted(range(len(stacked)), key=stacked.__getitem__)
    return [stacked[row] for row in order], values[order]


def rows_by_id(ids: Sequence[str], count: int) -> dict[str, int]:
    """The row of each Id, once the Ids are sure to be `count` different ones."""
    rows = {i: row for row, i in enumerate(ids)}
    if len(ids) != count:
        raise InputError(f"{len(ids)} Ids for {count} rows of probabilities")
    if len(rows) < count:
        repeated = sorted({i for row, i in enumerate(ids) if rows[i] != row})
        raise InputError(f"{len(repeated)} Ids are repeated:\n{listing(repeated)}")
    return rows
