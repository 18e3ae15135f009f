"""How good the answers are, and where they are wrong: what the page says first."""

from typing import Any

import numpy as np
import pandas as pd

from hpa_lit.figures.chapters.chapter import Chapter
from hpa_lit.results.answers import Answers, JudgedAnswers

_FEW = 5  # a label that fewer images have says little by itself
_NAMED = 3  # how many labels of each kind are named


def summary(answers: Answers) -> Chapter:
    """How many labels were given."""
    values = {
        "images": len(answers.ids),
        "labels": answers.names,
        "given": int(answers.given.sum()),
        "without": int((~answers.given.any(axis=1)).sum()),
        "overruled": answers.overruled,
    }
    return Chapter(values)


def verdict(answers: JudgedAnswers, scores: Chapter, confusion: Chapter) -> Chapter:
    """What is right and wrong, and the labels that stand out.

    Args:
        answers: What the report is about.
        scores: The chapter `scores` on them.
        confusion: The chapter `confusion` on them.
    """
    labels = scores.tables["labels"]
    values: dict[str, Any] = {
        **summary(answers).values,
        **{name: int(labels[name].sum()) for name in ("hits", "misses", "false_alarms")},
        "scores": scores.values["scores"],
        "mean_average_precision": labels["average_precision"].mean(),
        "right": int((answers.mistakes == 0).sum()),
        "few": _FEW,
        **_standing_out(labels),
        "alarms": _foremost(labels, "false_alarms"),
        "confused": _confused(confusion.tables["confusion"], labels),
    }
    return Chapter(values)


def _standing_out(labels: pd.DataFrame) -> dict[str, list[dict[Any, Any]]]:
    """The labels of highest and of lowest F1 among those that are not rare; no label is both."""
    common = labels[labels["support"] >= _FEW].sort_values("f1", ascending=False, kind="stable")
    named = min(_NAMED, len(common) // 2)
    best, worst = common[:named], common[len(common) - named :][::-1]
    return {"best": _numbered(best), "worst": _numbered(worst)}


def _foremost(labels: pd.DataFrame, column: str) -> list[dict[Any, Any]]:
    """The labels with most of something, and with any of it."""
    most = labels.sort_values(column, ascending=False, kind="stable")[:_NAMED]
    return _numbered(most[most[column] > 0])


def _numbered(labels: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows of the label table, each with the number of its label."""
    return [{**row, "number": number} for number, row in zip(labels.index, labels.to_dict("records"), strict=True)]


def _confused(confusion: pd.DataFrame, labels: pd.DataFrame) -> list[dict[str, Any]]:
    """The pairs of labels of which the first was missed and the second given, most often first, and twice at least."""
    counts = confusion.drop(columns="missed").to_numpy()[:-1, :-1].copy()
    np.fill_diagonal(counts, 0)
    rows, columns = np.unravel_index(np.argsort(-counts, axis=None, kind="stable")[:_NAMED], counts.shape)
    return [
        {"missed": row, "given": column, "images": counts[row, column], "of": labels["support"][row]}
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if counts[row, column] > 1
    ]
