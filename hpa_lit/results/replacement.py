"""Answers replaced by those of neighbours: from which likeness on, and what comes of it. method 11."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.results import evaluation, neighbours, submission, tables
from hpa_lit.results.evaluation import Scores
from hpa_lit.results.files import read_features


@dataclass(frozen=True, eq=False)
class Replacement:
    """A submission, some of whose answers were replaced.

    Attributes:
        before: Id and Predicted.
        after: The same with the answers of neighbours.
        scores: Of both, where the truth is known.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    scores: tuple[Scores, Scores] | None

    @property
    def changes(self) -> pd.DataFrame:
        """See `submission.changes`."""
        return submission.changes(self.before, self.after, LABEL_NAMES)


def replace(path: Path, answers: dict[str, str], truth: Sequence[Path] = ()) -> Replacement:
    """Replace answers of a submission.

    Args:
        path: The submission.
        answers: The new ones, by Id.
        truth: Tables Id,Target to score both by.
    """
    before = submission.read_submission(path, len(LABEL_NAMES))
    after = submission.with_answers(before, answers, len(LABEL_NAMES))
    return Replacement(before, after, (_scores(before, truth), _scores(after, truth)) if truth else None)


def _scores(table: pd.DataFrame, truth: Sequence[Path]) -> Scores:
    target = tables.targets(truth, table.Id.tolist(), len(LABEL_NAMES))
    return evaluation.scores(target, submission.to_rows(table.Predicted.tolist(), len(LABEL_NAMES)), LABEL_NAMES)


def labelled_threshold(
    labelled: Path,
    labels: Path,
    gallery: pd.DataFrame,
    features: npt.NDArray[np.float32],
    precision: float,
    standardise: Literal["each", "gallery"],
    on_failed: str,
) -> tuple[float, str]:
    """The threshold that images outside the gallery ask for, whose labels are known; see `neighbours.choose_threshold`.

    Args:
        labelled: Their features.
        labels: Their table Id,Target.
        gallery: Id and Target of m images.
        features: Of these, shape (m, d).
        precision: The least share of matches that must have the labels of their queries.
        standardise: See `neighbours.match`.
        on_failed: "error" or "drop", see `read_features`.

    Returns:
        The threshold, and what it comes to in words.
    """
    ids, queries = read_features(labelled, on_failed)
    neighbours.refuse_shared(ids, gallery.Id.tolist())
    truth = tables.answers(labels, len(LABEL_NAMES))
    if absent := [i for i in ids if i not in truth]:
        raise InputError(f"{len(absent)} images of labelled={labelled} have no labels:\n{listing(absent)}")
    rows, scores = neighbours.match(queries, features, 1, standardise)
    equal = [set(truth[i].split()) == set(t.split()) for i, t in zip(ids, gallery.Target.iloc[rows[:, 0]], strict=True)]
    threshold = neighbours.choose_threshold(scores[:, 0], equal, precision)
    above = int((scores[:, 0] > threshold).sum())
    return threshold, f"threshold {threshold:.4f}: {above} of {len(ids)} labelled images have a match above it"
