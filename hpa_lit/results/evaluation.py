"""How good predicted labels are, against the truth. method 12."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score

from hpa_lit.errors import InputError
from hpa_lit.files.prediction_file import HIGHEST, LOWEST
from hpa_lit.results import resampling
from hpa_lit.results.arrays import Doubles, probabilities, targets


@dataclass(frozen=True, eq=False)
class Scores:
    """All scores of one set of images.

    Attributes:
        images: Number of images.
        present: Number of labels that some image has.
        macro_f1: Mean F1 over these.
        macro_f1_interval: Bounds of its 95 % bootstrap interval over images.
        macro_f1_all: Mean F1 over all labels, as the competition scores; 0 for one with neither truth nor prediction.
        accuracy: Share of right cells in the image by label matrix.
        focal_loss: Sum over labels, mean over images; None without probabilities.
        labels: A row for each label: label, precision, recall, f1, average_precision, support (images that have it),
            predicted (images given it).
    """

    images: int
    present: int
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    macro_f1_all: float
    accuracy: float
    focal_loss: float | None
    labels: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The scores as JSON has them: NaN becomes null."""
        rows = self.labels.astype(object).where(self.labels.notna(), None)
        return {**vars(self), "labels": rows.to_dict("records")}

    def __str__(self) -> str:
        low, high = self.macro_f1_interval
        focal = "" if self.focal_loss is None else f", focal loss {self.focal_loss:.4f}"
        head = f"{self.images} images: macro F1 {self.macro_f1:.4f} (95 % interval {low:.4f} to {high:.4f})"
        if self.present < len(self.labels):
            head += f" over {self.present} labels that they have, {self.macro_f1_all:.4f} over all {len(self.labels)}"
        table = self.labels.to_string(index=False, float_format="{:.3f}".format, na_rep="-")
        return f"{head}, accuracy {self.accuracy:.4f}{focal}\n{table}"


def macro_f1(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean over all labels of F1, as the competition scores; 0 for a label with neither truth nor prediction.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
    """
    truth, given = _pair(target, predicted)
    # Counted here, since scikit-learn takes a single column for a problem of two classes.
    return float(_ratio(2 * (truth & given), truth + given).mean())


def present_macro_f1(target: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean of F1 over the labels that some image has; 0 where no image has any.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
    """
    truth, given = _present(*_pair(target, predicted))
    return macro_f1(truth, given) if truth.size else 0.0


def bootstrap_interval(
    target: npt.ArrayLike,
    predicted: npt.ArrayLike,
    samples: int = resampling.SAMPLES,
    level: float = resampling.LEVEL,
    seed: int = 0,
    groups: npt.NDArray[np.int64] | None = None,
) -> tuple[float, float]:
    """Percentile interval of `present_macro_f1` over images, or groups of them, drawn again with replacement.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
        samples: How many times N images are drawn.
        level: Share of the samples inside the interval.
        seed: Of the drawing.
        groups: Of each image, from 0 on, shape (N,): those of a group are drawn together.

    Returns:
        Lower and upper bound.
    """
    truth, given = _present(*_pair(target, predicted))
    labels = truth.shape[1]
    if not labels:
        return 0.0, 0.0
    hits_and_sizes = np.concatenate([truth & given, truth + given], axis=1).astype(np.float32)
    if groups is not None:
        of_images, hits_and_sizes = hits_and_sizes, np.zeros((groups.max() + 1, 2 * labels), np.float32)
        np.add.at(hits_and_sizes, groups, of_images)
    scores = np.empty(samples)
    for sample, counts in enumerate(resampling.drawn(len(hits_and_sizes), samples, seed)):
        hits, sizes = np.split(counts @ hits_and_sizes, [labels])
        scores[sample] = np.mean(2 * hits / np.maximum(sizes, 1))
    return resampling.interval(scores, level)


def label_intervals(
    target: npt.ArrayLike,
    predicted: npt.ArrayLike,
    probs: npt.ArrayLike,
    samples: int = resampling.SAMPLES,
    level: float = resampling.LEVEL,
    seed: int = 0,
) -> pd.DataFrame:
    """Percentile intervals of every label's scores over images drawn again with replacement.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
        probs: Shape (N, K).
        samples: How many times N images are drawn.
        level: Share of the samples inside the interval.
        seed: Of the drawing.

    Returns:
        K rows, columns <score>_low and <score>_high for precision, recall, f1 and average_precision. The last is over
        the samples that hold the label, and NaN where no image has it.
    """
    truth, given = _pair(target, predicted)
    present = truth.any(axis=0)
    average_precision = resampling.average_precision(
        truth[:, present], probabilities("probabilities", probs)[:, present]
    )
    cells = np.concatenate([truth & given, truth, given], axis=1).astype(np.float32)
    scores = {name: np.empty((samples, truth.shape[1])) for name in ("precision", "recall", "f1")}
    scores["average_precision"] = np.full((samples, truth.shape[1]), np.nan)
    for sample, counts in enumerate(resampling.drawn(len(truth), samples, seed)):
        hits, has, was_given = np.split(counts @ cells, 3)
        scores["precision"][sample] = hits / np.maximum(was_given, 1)
        scores["recall"][sample] = hits / np.maximum(has, 1)
        scores["f1"][sample] = 2 * hits / np.maximum(has + was_given, 1)
        scores["average_precision"][sample, present] = average_precision(counts)
    columns = {}
    for name, values in scores.items():
        bounds = np.array([resampling.interval(of_label, level) for of_label in values.T])
        columns[f"{name}_low"], columns[f"{name}_high"] = bounds.T
    return pd.DataFrame(columns)


def focal_loss(target: npt.ArrayLike, probs: npt.ArrayLike, gamma: float = 2.0) -> float:
    """Focal loss from probabilities, clipped to the open interval (0, 1) of float32.

    Args:
        target: 0/1, shape (N, K).
        probs: Shape (N, K).
        gamma: Power of the modulating factor.

    Returns:
        Sum over labels, mean over images, as `losses.FocalLoss` has it from logits.
    """
    values = np.clip(probabilities("probabilities", probs), LOWEST, HIGHEST)
    truth = targets("targets", target, values.shape)
    of_truth = np.where(truth == 1, values, 1 - values)
    return float((-np.log(of_truth) * (1 - of_truth) ** gamma).sum(axis=1).mean())


def scores(
    target: npt.ArrayLike, predicted: npt.ArrayLike, names: tuple[str, ...], probs: npt.ArrayLike | None = None
) -> Scores:
    """All scores of predicted labels.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
        names: K label names.
        probs: Shape (N, K); without them average precision and focal loss stay empty.
    """
    truth, given = _pair(target, predicted)
    average = np.full(len(names), np.nan)
    if probs is not None:
        # Without any true image average precision has no meaning; scikit-learn would warn and say 0.
        present = truth.any(axis=0)
        values = probabilities("probabilities", probs)
        average[present] = average_precision_score(truth[:, present], values[:, present], average=None)
    table = {
        "label": names,
        "precision": _ratio(truth & given, given),
        "recall": _ratio(truth & given, truth),
        "f1": _ratio(2 * (truth & given), truth + given),
        "average_precision": average,
        "support": truth.sum(axis=0, dtype=np.int64),
        "predicted": given.sum(axis=0, dtype=np.int64),
    }
    return Scores(
        images=len(truth),
        present=int(truth.any(axis=0).sum()),
        macro_f1=present_macro_f1(truth, given),
        macro_f1_interval=bootstrap_interval(truth, given),
        macro_f1_all=macro_f1(truth, given),
        accuracy=float((truth == given).mean()),
        focal_loss=None if probs is None else focal_loss(truth, probs),
        labels=pd.DataFrame(table),
    )


def _pair(target: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    given = np.asarray(predicted)
    if given.ndim != 2 or not given.size:
        raise InputError(f"predicted labels have shape {given.shape}; expected (images, labels)")
    return targets("targets", target, given.shape), targets("predicted labels", predicted, given.shape)


def _present(
    truth: npt.NDArray[np.uint8], given: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The columns of the labels that some image has."""
    has = truth.any(axis=0)
    return truth[:, has], given[:, has]


def _ratio(part: npt.NDArray[np.uint8], whole: npt.NDArray[np.uint8]) -> Doubles:
    """Sum over images of `part` over that of `whole`, for each label; 0 where there is nothing."""
    return np.asarray(part.sum(axis=0) / np.maximum(whole.sum(axis=0), 1))
