"""Models side by side on the same images: which is better, by how much, and how sure that is. method 12."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.errors import InputError
from hpa_lit.files.prediction_file import HIGHEST, LOWEST
from hpa_lit.results import resampling
from hpa_lit.results.arrays import Doubles, LabelMatrix, probabilities, targets

# What is measured, and whether more of it is better.
METRICS: Mapping[str, bool] = {
    "macro_f1": True,
    "mean_average_precision": True,
    "focal_loss": False,
    "calibration_error": False,
}
BINS = 10  # of the calibration error


@dataclass(frozen=True, eq=False)
class Comparison:
    """R models on N images, the first of which the others are compared with.

    Attributes:
        scores: A row for each model and metric: model, metric, value, low, high (of its 95 % interval), difference
            (from the first model's), difference_low, difference_high, verdict ("better", "worse", or "" where the
            interval of the difference holds 0).
        labels: A row for each model but the first and each label that some image has: model, label, images, f1,
            difference, difference_low, difference_high, verdict.
        images: N.
        seeds: How many trainings each model has, by its name.
    """

    scores: pd.DataFrame
    labels: pd.DataFrame
    images: int
    seeds: Mapping[str, int]

    def __str__(self) -> str:
        trainings = ", ".join(f"{name} ({count})" for name, count in self.seeds.items())
        rows = self.scores.assign(
            interval=[
                f"{low:.4f} to {high:.4f}" for low, high in zip(self.scores["low"], self.scores["high"], strict=True)
            ],
            its_interval=[
                f"{low:+.4f} to {high:+.4f}"
                for low, high in zip(self.scores["difference_low"], self.scores["difference_high"], strict=True)
            ],
        )[["metric", "model", "value", "interval", "difference", "its_interval", "verdict"]]
        rows = rows.sort_values("metric", key=lambda names: names.map([*METRICS].index), kind="stable")
        table = rows.to_string(index=False, float_format="{:.4f}".format)
        return f"{self.images} images; trainings of each model: {trainings}\n{table}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON has it: NaN becomes null."""
        tables = {"scores": self.scores, "labels": self.labels}
        rows = {
            name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in tables.items()
        }
        return {"images": self.images, "seeds": dict(self.seeds), **rows}


def compare(
    target: npt.ArrayLike,
    models: Mapping[str, Sequence[npt.ArrayLike]],
    names: Sequence[str],
    thresholds: Mapping[str, Sequence[npt.ArrayLike]] | None = None,
    samples: int = resampling.SAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare models by a paired bootstrap over images, and over the trainings of each.

    A sample draws N of the images with replacement, the same ones for all models, and of each model as many trainings
    as it has; a model's score in it is the mean over these. A model of one training says nothing of what another
    training would give: its interval is that over images alone.

    Args:
        target: 0/1, shape (N, K).
        models: The probabilities, shape (N, K) each, of the trainings of every model by its name; the first is the one
            that others are compared with.
        names: K label names.
        thresholds: Above which labels are given, shape (K,) for each training; 0.5 without.
        samples: How many times images and trainings are drawn.
        seed: Of the drawing.

    Raises:
        InputError: There are no two models, shapes differ, or no image has a label.
    """
    if len(models) < 2:
        raise InputError(f"there is {len(models)} model: give two or more to compare")
    found = {model: [probabilities(model, probs) for probs in trainings] for model, trainings in models.items()}
    shape = next(iter(found.values()))[0].shape
    truth = targets("targets", target, shape)
    present = np.flatnonzero(truth.any(axis=0))
    if not len(present):
        raise InputError("no image has a label: there is nothing to compare by")
    for model, given in found.items():
        if wrong := [probs.shape for probs in given if probs.shape != shape]:
            raise InputError(f"{model} has probabilities of shape {wrong[0]}; expected {shape}")
    half = np.full(shape[1], 0.5)
    measured = {
        model: [
            _Training(truth, probs, half if thresholds is None else np.asarray(thresholds[model][number]), present)
            for number, probs in enumerate(given)
        ]
        for model, given in found.items()
    }
    rng = np.random.default_rng([seed, 1])
    whole = {model: _mean(trainings, np.ones(len(truth), np.float32)) for model, trainings in measured.items()}
    drawn: dict[str, list[Doubles]] = {model: [] for model in measured}
    for counts in resampling.drawn(len(truth), samples, seed):
        for model, trainings in measured.items():
            chosen = [trainings[number] for number in rng.integers(len(trainings), size=len(trainings))]
            drawn[model].append(_mean(chosen, counts))
    stacked = {model: np.stack(rows) for model, rows in drawn.items()}

    first, *others = measured
    scores, labels = [], []
    for model in measured:
        for place, (metric, more_is_better) in enumerate(METRICS.items()):
            own, base = (stacked[name][:, place] for name in (model, first))
            low, high = resampling.interval(own)
            row = {"model": model, "metric": metric, "value": whole[model][place], "low": low, "high": high}
            scores.append(row | _difference(whole[model][place] - whole[first][place], own - base, more_is_better))
    for model in others:
        for place, label in enumerate(present, len(METRICS)):
            own, base = (stacked[name][:, place] for name in (model, first))
            row = {"model": model, "label": names[int(label)], "images": int(truth[:, label].sum())}
            row |= {"f1": whole[model][place]}
            labels.append(row | _difference(whole[model][place] - whole[first][place], own - base, True))
    return Comparison(
        scores=pd.DataFrame(scores),
        labels=pd.DataFrame(labels),
        images=len(truth),
        seeds={model: len(trainings) for model, trainings in measured.items()},
    )


class _Training:
    """What the scores of one training are made from, image by image, so that a sample's are a few products."""

    def __init__(self, truth: LabelMatrix, probs: Doubles, thresholds: Doubles, present: npt.NDArray[np.intp]) -> None:
        given = (probs > thresholds).astype(np.uint8)
        self.hits_and_sizes = np.concatenate([truth & given, truth + given], axis=1)[
            :, [*present, *(present + truth.shape[1])]
        ]
        self.average_precision = resampling.average_precision(truth[:, present], probs[:, present])
        values = np.clip(probs, LOWEST, HIGHEST)
        of_truth = np.where(truth == 1, values, 1 - values)
        self.focal = (-np.log(of_truth) * (1 - of_truth) ** 2).sum(axis=1)
        place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probs)
        self.gaps = np.stack([((probs - truth) * (place == number)).sum(axis=1) for number in range(BINS)], axis=1)
        self.cells = truth.shape[1]

    def scores(self, counts: npt.NDArray[np.float32]) -> Doubles:
        """The metrics in their order, then F1 of each label that is present, of a sample of the images."""
        images = counts.sum()
        hits, sizes = np.split(counts @ self.hits_and_sizes, 2)
        f1 = 2 * hits / np.maximum(sizes, 1)
        precision = np.nanmean(self.average_precision(counts))
        error = np.abs(counts @ self.gaps).sum() / (images * self.cells)
        return np.array([f1.mean(), precision, counts @ self.focal / images, error, *f1])


def _mean(trainings: Sequence[_Training], counts: npt.NDArray[np.float32]) -> Doubles:
    return np.asarray(np.mean([training.scores(counts) for training in trainings], axis=0), np.float64)


def _difference(value: float, samples: Doubles, more_is_better: bool) -> dict[str, Any]:
    """The columns about a difference, and whether it is sure."""
    low, high = resampling.interval(samples)
    sure = (low > 0) - (high < 0)
    verdict = {0: "", 1: "better", -1: "worse"}[int(sure) * (1 if more_is_better else -1)]
    return {"difference": value, "difference_low": low, "difference_high": high, "verdict": verdict}
