"""What was answered about images: by a submission, by a table in words, or above a threshold."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from hpa_lit.errors import InputError, listing
from hpa_lit.files import prediction_csv
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.reading import reading
from hpa_lit.files.tree import AnswerTree
from hpa_lit.results import submission, tables, thresholds
from hpa_lit.results.answers import Answers, JudgedAnswers
from hpa_lit.results.arrays import Doubles
from hpa_lit.results.decision import Decision

HALF = 0.5  # the threshold where nobody says one


def given_answers(
    predictions: Predictions,
    path: Path,
    folder: Path | None = None,
    threshold: float | None = None,
    decision: Decision | None = None,
    truth: Sequence[Path] | None = None,
) -> Answers:
    """The labels given to each image, and the truth where it is known.

    Args:
        predictions: In one view.
        path: Their file. A table of predict has answers in words, which count where no threshold is given.
        folder: Of a submission, or of neighbours, whose answers count instead.
        threshold: The probability above which labels are given; None takes 0.5 where nothing else says them.
        decision: Of the model, which says by which thresholds the answers of a table are.
        truth: Tables Id,Target.

    Raises:
        InputError: Answers, predictions and truth are of other images or labels.
    """
    ids, names = predictions.ids, predictions.labels
    probs = predictions.probabilities[:, 0].astype(float)
    limits: Doubles | None
    in_words = folder is None and threshold is None and path.suffix == ".csv"
    in_table = prediction_csv.read_given(path, predictions) if in_words else None
    if folder is not None:
        limits = _of_submission(AnswerTree(folder), names)
        place = AnswerTree(folder).submission
        answer = submission.read_submission(place, len(names)).set_index("Id").Predicted
        if odd := sorted(set(answer.index) ^ set(ids)):
            raise InputError(f"{place} and {path} differ in {len(odd)} Ids:\n{listing(odd)}")
        given = submission.to_rows(answer.loc[list(ids)].tolist(), len(names))
    elif in_table is not None:
        limits, given = _of_model(decision, probs, in_table), in_table.astype(np.uint8)
    else:
        limits = thresholds.fixed(HALF if threshold is None else threshold, len(names))
        given = thresholds.assign(probs, limits, always_top=False)
    if truth is None:
        return Answers(ids=ids, names=names, probs=probs, given=given, thresholds=limits)
    target = tables.targets(truth, ids, len(names))
    return JudgedAnswers(ids=ids, names=names, probs=probs, given=given, thresholds=limits, truth=target)


def _of_submission(answer: AnswerTree, names: Sequence[str]) -> Doubles | None:
    """The thresholds of a submission; those of a folder of neighbours are of the submission that they changed."""
    if answer.config.is_file():
        with reading(answer.config):
            changed = (yaml.safe_load(answer.config.read_text()) or {}).get("submission")
        if changed:
            return _of_submission(AnswerTree(Path(changed).parent), names)
    return tables.by_label(answer.thresholds, "threshold", names) if answer.thresholds.is_file() else None


def _of_model(decision: Decision | None, probs: Doubles, given: npt.NDArray[np.bool_]) -> Doubles | None:
    """The thresholds by which a model gave its answers; None where it does not know, or these are by others."""
    if decision is None:
        return None
    limits = np.asarray(decision.thresholds)
    return limits if (thresholds.assign(probs, limits) == given).all() else None
