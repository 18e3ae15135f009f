"""What is answered from the probabilities of a model, in one view or several."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpa_lit.files.prediction_file import Floats, Predictions
from hpa_lit.results import thresholds
from hpa_lit.results.decision import Decision

UNDECIDED = 0.5  # the threshold where neither the model nor anybody says one


@dataclass(frozen=True, eq=False)
class Answered:
    """What is answered about N images.

    Attributes:
        labels: K label names.
        probabilities: Shape (N, K), of all views; NaN where the image failed.
        given: Which labels are given, shape (N, K); none where the image failed.
        thresholds: The probabilities above which they are, shape (K,).
    """

    labels: tuple[str, ...]
    probabilities: Floats
    given: npt.NDArray[np.bool_]
    thresholds: npt.NDArray[np.floating]

    def in_words(self) -> list[list[str]]:
        """The labels given to each image, the most probable first."""
        falling = np.argsort(-self.probabilities, axis=1, kind="stable")
        rows = zip(falling, self.given, strict=True)
        return [[self.labels[label] for label in order if given[label]] for order, given in rows]


def answered(predictions: Predictions, decision: Decision | None, threshold: float | None = None) -> Answered:
    """The answers of a classifier.

    With a decision, the probabilities of each view are calibrated, and their mean counts; without, the largest of the
    views as they are (method 9). The most probable label of an image is given in any case.

    Args:
        predictions: Of N images.
        decision: Of the model; None where it has none.
        threshold: The probability above which a label is given; None takes the decision's, 0.5 where there is none.
    """
    good, names = predictions.ok, predictions.labels
    if decision is None:
        values = predictions.probabilities.max(axis=1)
        limits = np.full(len(names), UNDECIDED if threshold is None else threshold, np.float32)  # compared as they are
    else:
        values = decision.calibrated(predictions.probabilities)
        limits = np.asarray(decision.thresholds) if threshold is None else np.full(len(names), threshold)
    given = np.zeros(values.shape, bool)
    given[good] = thresholds.assign(values[good], limits)
    return Answered(names, values.astype(np.float32), given, limits)


def said(decision: Decision | None, threshold: float | None = None) -> str:
    """What `answered` does, in words."""
    if decision is not None and threshold is None:
        return f"{decision}; the most probable label is given in any case"
    kind = "probability" if decision is None else "calibrated probability"
    why = ", since the model knows no thresholds" if threshold is None else ""
    limit = UNDECIDED if threshold is None else threshold
    return f"labels above a {kind} of {limit:g}{why}, the most probable in any case"
