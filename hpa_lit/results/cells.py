"""From what a network says of a field and of its cells to the cells' answers, and to how they differ (method 14)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError, listing
from hpa_lit.files.names import field_of
from hpa_lit.files.prediction_file import ALL_VIEWS, OK, Predictions
from hpa_lit.results.answers import Answers
from hpa_lit.results.arrays import Doubles, LabelMatrix
from hpa_lit.results.decision import Decision
from hpa_lit.results.files import read_single
from hpa_lit.results.given_answers import given_answers

DIFFERING = (0.2, 0.8)  # shares of a field's cells between which a label says that they differ


class Variation(NamedTuple):
    """How the cells of a field differ.

    Attributes:
        given: The labels of the field, shape (K,).
        share: Of the cells, with each label, shape (K,); NaN where there is no cell.
        entropy: In bits, of a share, 0 where all cells are alike and 1 where half of them differ: the mean over the
            labels of the field; NaN where it has no label or no cell.
        differ: Whether a label of the field is in some cells and not in others, by `DIFFERING`.
    """

    given: LabelMatrix
    share: Doubles
    entropy: float
    differ: bool

    def in_words(self, labels: Sequence[str]) -> str:
        """The share of cells with each label of the field, the largest first; empty where there is no cell."""
        mine = [k for k in np.argsort(-self.share, kind="stable") if self.given[k] and np.isfinite(self.share[k])]
        return ", ".join(f"{labels[k]} {self.share[k]:.2f}" for k in mine)


def of(predictions: Predictions, probabilities: npt.ArrayLike, given: npt.ArrayLike) -> Answers:
    """Answers about the fields or cells of predictions, from probabilities and labels, shape (N, K) each."""
    return Answers(
        ids=predictions.ids,
        names=predictions.labels,
        probs=np.asarray(probabilities, np.float64),
        given=np.asarray(given, np.uint8),
        thresholds=None,
    )


def gate(fields: Answers, cells: Answers) -> Answers:
    """The answers of cells, gated by their fields'.

    A location is that of a cell where the field has it and the cell, seen alone, passes its threshold too; a cell may
    have none. Its probability is that of the field times that of the cell, the rule of the competition of 2021.

    Args:
        fields: Of F fields; probabilities are NaN where a field failed, which says nothing of its cells.
        cells: Of N cells of these, each seen alone; `given` is whether it passes the thresholds.
    """
    mine = _rows(fields, cells)
    return replace(cells, probs=fields.probs[mine] * cells.probs, given=cells.given & fields.given[mine])


def decided(fields: Answers, gated: Answers, decision: Decision, threshold: float | None = None) -> Answers:
    """The answers of gated cells by a decision that was fitted to such whose labels are known.

    Args:
        fields: As for `gate`.
        gated: What it gave.
        decision: Of the same labels.
        threshold: The probability above which a label is given, of those of the field; None takes the decision's.
    """
    probs = decision.calibrated(gated.probs)
    limits = np.asarray(decision.thresholds) if threshold is None else np.full(len(gated.names), threshold)
    passing = (probs > limits).astype(np.uint8)
    return replace(gated, probs=probs, given=passing & fields.given[_rows(fields, gated)])


def variation(field_given: LabelMatrix, given: LabelMatrix) -> Variation:
    """How the cells of one field differ.

    Args:
        field_given: The labels of the field, shape (K,).
        given: Those of its whole cells, shape (N, K).
    """
    if not len(given):
        return Variation(field_given, np.full(given.shape[1], np.nan), float("nan"), False)
    share = given.mean(axis=0)
    mine = share[field_given > 0]
    if not len(mine):
        return Variation(field_given, share, float("nan"), False)
    low, high = DIFFERING
    return Variation(field_given, share, float(_bits(mine).mean()), bool(((mine > low) & (mine < high)).any()))


def of_cells(cells: Predictions, passing: Answers, whole: npt.ArrayLike) -> tuple[Predictions, Answers]:
    """What cells say of their fields, for a network that sees cells alone: the mean of their probabilities.

    A field has the labels that pass in one of its cells at least. Where none of its cells is whole, all count.

    Args:
        cells: The predictions about N cells.
        passing: Their answers; `given` is whether a cell passes the thresholds.
        whole: Which of them no border cuts, shape (N,).
    """
    mine, count = np.array([field_of(image_id) for image_id in cells.ids]), np.asarray(whole, bool)
    fields = sorted(set(mine.tolist()))
    values, given = [], []
    for field in fields:
        here = mine == field
        chosen = here & count if (here & count).any() else here
        values.append(passing.probs[chosen].mean(axis=0))
        given.append(passing.given[chosen].any(axis=0))
    answers = replace(passing, ids=tuple(fields), probs=np.array(values), given=np.array(given, np.uint8))
    of_fields = replace(
        cells,
        ids=answers.ids,
        status=(OK,) * len(fields),
        views=(ALL_VIEWS,),
        probabilities=answers.probs[:, None].astype(np.float32),
        features=None,
    )
    return of_fields, answers


def of_others(
    path: Path, labels: tuple[str, ...], ids: Sequence[str], threshold: float | None
) -> tuple[Predictions, Answers]:
    """What a table or a prediction file of one view says of fields.

    Args:
        path: The file.
        labels: Those of the cells.
        ids: Of the fields.
        threshold: The probability above which a label is given; None takes the answers of the table, else 0.5.

    Raises:
        InputError: It is of other fields or labels.
    """
    gate = read_single(path, "drop")
    if absent := sorted(set(ids) - set(gate.ids)):
        raise InputError(f"gate={path} has no answer for {len(absent)} fields:\n{listing(absent)}")
    if gate.labels != labels:
        raise InputError(f"gate={path} has the labels {', '.join(gate.labels)}, and the cells {', '.join(labels)}")
    wanted = set(ids)
    gate = gate.take([row for row, image_id in enumerate(gate.ids) if image_id in wanted])
    return gate, given_answers(gate, path, threshold=threshold)


def variations(fields: Answers, cells: Answers, whole: npt.ArrayLike) -> list[Variation]:
    """How the whole cells of each field differ.

    Args:
        fields: Of F fields.
        cells: Of N cells, gated.
        whole: Which of the cells count: those that the border does not cut, shape (N,).
    """
    mine, counted = np.array([field_of(image_id) for image_id in cells.ids]), np.asarray(whole, bool)
    rows = zip(fields.ids, fields.given, strict=True)
    return [variation(given, cells.given[(mine == image_id) & counted]) for image_id, given in rows]


def _rows(fields: Answers, cells: Answers) -> npt.NDArray[np.int64]:
    """The row of each cell's field, shape (N,)."""
    place = {image_id: row for row, image_id in enumerate(fields.ids)}
    return np.array([place[field_of(image_id)] for image_id in cells.ids], np.int64)


def _bits(share: Doubles) -> Doubles:
    """Entropy of yes and no, in bits."""
    parts = np.stack([share, 1 - share])
    return np.asarray(-(parts * np.log2(np.where(parts > 0, parts, 1))).sum(axis=0))
