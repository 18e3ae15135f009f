"""Label by label: how often each was given, how well, and what for."""

import numpy as np
import pandas as pd

from hpa_lit.figures import plots
from hpa_lit.figures.chapters.chapter import Chapter
from hpa_lit.results import curves, evaluation
from hpa_lit.results.answers import Answers, JudgedAnswers
from hpa_lit.results.arrays import LabelMatrix
from hpa_lit.results.calibration import expected_error, reliability


def counts(answers: Answers) -> Chapter:
    """How often each label was given, where there is no truth to compare with."""
    given, probs = answers.given, answers.probs
    table = pd.DataFrame({"label": answers.names, "predicted": given.sum(axis=0, dtype=np.int64)})
    table = table.assign(share=given.mean(axis=0), mean_probability=probs.mean(axis=0))
    return Chapter(tables={"labels": _with_thresholds(table, answers)})


def scores(answers: JudgedAnswers) -> Chapter:
    """Hits, misses and false alarms of each label, its scores with their intervals, and its calibration error."""
    truth, given, probs = answers.truth, answers.given, answers.probs
    found = evaluation.scores(truth, given, answers.names, probs)
    parts = {"hits": answers.hits, "misses": answers.misses, "false_alarms": answers.false_alarms}
    table = found.labels.assign(**{name: cells.sum(axis=0, dtype=np.int64) for name, cells in parts.items()})
    errors = [expected_error(reliability(truth[:, [k]], probs[:, [k]])) for k in range(len(answers.names))]
    intervals = evaluation.label_intervals(truth, given, probs)
    table = pd.concat([table, intervals], axis=1).assign(calibration_error=errors)
    table = _with_thresholds(table, answers)
    absent = table["label"][table["support"] == 0].tolist()
    pictures = {"labels": plots.png(plots.label_scores(table))}
    return Chapter({"scores": found, "absent": absent}, {"labels": table}, pictures)


def confusion(answers: JudgedAnswers) -> Chapter:
    """What images were given in place of each label, as `curves.confusion` counts it."""
    table = curves.confusion(answers.truth, answers.given, answers.names)
    # Shares of the images that have the row's label; of the last row, of the images given the column's.
    whole = np.append(answers.truth.sum(axis=0), 0)[:, None] + np.zeros(table.shape)
    whole[-1] = np.append(answers.given.sum(axis=0), len(answers.ids))
    shares = table.div(np.where(whole, whole, np.nan))
    figure = plots.matrix(shares, "label missed", "label given in its place")
    values = {"rows": _cells(table, shares), "shown": _counted(answers.truth | answers.given)}
    return Chapter(values, {"confusion": _named(table, "missed")}, {"confusion": plots.png(figure)})


def cooccurrence(answers: Answers) -> Chapter:
    """Which labels are given together."""
    table = curves.cooccurrence(answers.given, answers.given, answers.names)
    having = answers.given.sum(axis=0, dtype=np.int64)
    shares = table.div(np.where(having, having, np.nan), axis=0)
    figure = plots.matrix(shares, "label given", "label given too")
    values = {"rows": _cells(table, shares), "shown": _counted(answers.given)}
    return Chapter(values, {"cooccurrence": _named(table, "given")}, {"cooccurrence": plots.png(figure)})


def _with_thresholds(table: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """The label table, with thresholds where they are known."""
    return table if answers.thresholds is None else table.assign(threshold=answers.thresholds)


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A matrix with its row names as a column of this name."""
    return table.rename_axis(name).reset_index()


def _counted(cells: LabelMatrix) -> list[int]:
    """The labels that are there at all, by number; all where none is."""
    return np.flatnonzero(cells.any(axis=0) if cells.any() else np.ones(cells.shape[1])).tolist()


def _cells(table: pd.DataFrame, shares: pd.DataFrame) -> list[tuple[str, list[tuple[int, float]]]]:
    """The rows of a matrix: name, and a count and a share for each cell; the share of nothing is 0."""
    filled = shares.fillna(0).to_numpy()
    return [
        (str(name), list(zip(row.tolist(), share.tolist(), strict=True)))
        for name, row, share in zip(table.index, table.to_numpy(), filled, strict=True)
    ]
