"""How good masks of cells are, and the labels of these, against the truth (method 14)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpa_lit.results.arrays import Doubles, LabelMatrix

Mask = npt.NDArray[np.integer]

SEGMENTED = 0.5  # overlap at which a cell counts as found
ANSWERED = 0.6  # at which its labels count, as in the competition of 2021


@dataclass(frozen=True, eq=False)
class Field:
    """The cells of a field, as they are and as they were found.

    Attributes:
        overlap: Intersection over union of T true and P found cells, shape (T, P), in the order of their numbers.
        truth: 0/1 labels of the true cells, shape (T, K).
        scores: Probabilities of the found cells, shape (P, K); NaN where nothing is said of a cell, which counts as 0.
    """

    overlap: Doubles
    truth: LabelMatrix
    scores: Doubles


def overlaps(truth: Mask, found: Mask) -> Doubles:
    """Intersection over union of the cells of two masks (H, W), shape (T, P), in the order of their numbers."""
    if truth.shape != found.shape:
        raise ValueError(f"masks of {truth.shape} and {found.shape} pixels")
    (numbers, rows), (others, columns) = (np.unique(mask, return_inverse=True) for mask in (truth, found))
    both = np.zeros((len(numbers), len(others)))
    np.add.at(both, (rows.ravel(), columns.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return np.asarray((both / union)[np.ix_(numbers != 0, others != 0)])


def segmentation_precision(fields: Sequence[Doubles], at: float = SEGMENTED) -> float:
    """Found cells that are true ones, as part of all that are one or the other: TP / (TP + FP + FN), over all fields.

    Over an overlap of a half no two found cells share a true one, so that pairs need no choice.

    Args:
        fields: What `overlaps` gives of each.
        at: Overlap above which a cell is found, at least a half.
    """
    if at < SEGMENTED:
        raise ValueError(f"overlap {at}: below a half cells have several partners")
    hits = sum(int((overlap > at).sum()) for overlap in fields)
    cells = sum(sum(overlap.shape) for overlap in fields)
    return hits / (cells - hits) if cells else float("nan")


def mean_average_precision(fields: Sequence[Field], at: float = ANSWERED) -> tuple[float, Doubles]:
    """Mean over labels of the area under precision and recall of cells, as the competition of 2021 scored.

    Of each label, found cells of all fields in falling order of probability; one is right where it overlaps a true cell
    that has the label and was not taken by one before it. Precision is made falling before its area is taken.

    Args:
        fields: With the labels of their cells.
        at: Overlap from which a cell counts, above a half.

    Returns:
        The mean over the labels that some cell has, and the precision of each, shape (K,); NaN where no cell has it.
    """
    if at <= SEGMENTED:
        raise ValueError(f"overlap {at}: at a half or below cells have several partners")
    labels = fields[0].truth.shape[1] if fields else 0
    precisions = np.array([_average_precision(fields, label, at) for label in range(labels)])
    return (float(np.nanmean(precisions)) if np.isfinite(precisions).any() else float("nan")), precisions


def _average_precision(fields: Sequence[Field], label: int, at: float) -> float:
    wanted = sum(int(field.truth[:, label].sum()) for field in fields)
    if not wanted:
        return float("nan")
    scores = np.nan_to_num(np.concatenate([field.scores[:, label] for field in fields]))
    right = np.concatenate([((f.overlap >= at) & (f.truth[:, label, None] > 0)).any(axis=0) for f in fields])
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(hits, prepend=0) * falling).sum() / wanted)
