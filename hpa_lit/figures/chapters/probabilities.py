"""What probabilities are worth: precision against recall, and whether they mean what they say."""

import pandas as pd

from hpa_lit.figures import plots
from hpa_lit.figures.chapters.chapter import Chapter, file_name
from hpa_lit.results import curves
from hpa_lit.results.answers import JudgedAnswers
from hpa_lit.results.calibration import expected_error, reliability


def precision_recall(answers: JudgedAnswers, labels: pd.DataFrame) -> Chapter:
    """The curve of each label that some image has, and the point on it that the answers chose.

    Args:
        answers: What was given, and what is true.
        labels: A row for each label, as the chapter `scores` has it.
    """
    curve = curves.precision_recall(answers.truth, answers.probs, answers.names)
    drawn, pictures = [], {}
    for number, row in enumerate(labels.to_dict("records")):
        if row["support"]:
            name = f"precision_recall_{file_name(number, row['label'])}"
            answer = (row["recall"], row["precision"])
            figure = plots.precision_recall(
                curve[curve["label"] == row["label"]], answer, row["support"] / len(answers.ids)
            )
            pictures[name] = plots.png(figure)
            drawn.append({**row, "picture": name})
    return Chapter({"curves": drawn}, {"precision_recall": curve}, pictures)


def calibration(answers: JudgedAnswers) -> Chapter:
    """The reliability diagram over all pairs of an image and a label, and its error."""
    table = reliability(answers.truth, answers.probs)
    full = table[table["cells"] > 0]
    points = ", ".join(f"{y:.2f} at {x:.2f}" for x, y in zip(full["probability"], full["share"], strict=True))
    values = {"error": expected_error(table), "cells": answers.truth.size, "points": points}
    return Chapter(values, {"calibration": table}, {"calibration": plots.png(plots.reliability(table))})
