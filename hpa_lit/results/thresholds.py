"""The probability above which a label is given, one for each label. method 10."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import expit
from sklearn.model_selection import KFold

from hpa_lit.errors import InputError
from hpa_lit.results.arrays import Doubles, LabelMatrix, probabilities, targets

# Share of images with each label in the competition's test set, probed from the public leaderboard before it closed;
# 0.01 stands for "unknown".
LEADERBOARD_RATIOS = np.fromstring(
    "0.362397820 0.043841336 0.075268817 0.059322034 0.075268817 0.075268817 0.043841336 0.075268817 0.01 0.01 0.01 "
    "0.043841336 0.043841336 0.014198783 0.043841336 0.01 0.028806584 0.014198783 0.028806584 0.059322034 0.01 "
    "0.126126126 0.028806584 0.075268817 0.01 0.222493880 0.028806584 0.01",
    sep=" ",
)
_UNKNOWN = 0.01
_SLOPE = 50.0
_DECAY = 1e-5
_FLOOR = 0.1


def assign(probs: npt.ArrayLike, thresholds: npt.ArrayLike, always_top: bool = True) -> LabelMatrix:
    """Give each image the labels whose probability exceeds their threshold.

    Args:
        probs: Shape (N, K).
        thresholds: Shape (K,).
        always_top: Give the most probable label in any case, the first one of equals.

    Returns:
        0/1 array of shape (N, K).
    """
    values = probabilities("probabilities", probs)
    given = (values > _per_label("thresholds", thresholds, values.shape[1])).astype(np.uint8)
    if always_top:
        given[np.arange(len(given)), values.argmax(axis=1)] = 1
    return given


def fixed(value: npt.ArrayLike, num_labels: int) -> Doubles:
    """The thresholds that somebody chose: one for all labels, or one for each."""
    chosen = np.asarray(value, np.float64)
    return _per_label("thresholds", np.full(num_labels, chosen) if chosen.ndim == 0 else chosen, num_labels)


def leaderboard_ratios(frequency: npt.ArrayLike) -> Doubles:
    """The leaderboard's ratios, with the training frequency, shape (28,), where they are unknown."""
    return np.where(
        LEADERBOARD_RATIOS == _UNKNOWN, _per_label("frequency", frequency, len(LEADERBOARD_RATIOS)), LEADERBOARD_RATIOS
    )


def ratio(probs: npt.ArrayLike, wanted: npt.ArrayLike) -> Doubles:
    """Thresholds that give each label to the wanted share of images.

    The candidates are 10,000 points from 0 to 1. The one whose share is nearest the wanted one is taken, and among
    equally near ones the one nearest 0.5, the first of equals.

    Args:
        probs: Shape (N, K).
        wanted: Shares of 0..1, shape (K,).

    Returns:
        Shape (K,).
    """
    values = probabilities("probabilities", probs)
    if not len(values):
        raise InputError("ratio thresholds need at least one predicted image")
    grid = np.linspace(0, 1, 10000)
    from_middle = np.abs(grid - 0.5)
    result = np.empty(values.shape[1])
    for label, share in enumerate(_per_label("wanted ratios", wanted, values.shape[1])):
        # Sorted once, the share above all candidates is one search, instead of 10,000 passes over the images.
        above = len(values) - np.searchsorted(np.sort(values[:, label]), grid, side="right")
        distance = np.abs(above / len(values) - share)
        nearest = np.flatnonzero(distance == distance.min())
        result[label] = grid[nearest[from_middle[nearest].argmin()]]
    return result


def soft_f1(probs: npt.ArrayLike, target: npt.ArrayLike) -> Doubles:
    """Thresholds that maximise F1 made smooth: a label is given to the degree sigmoid(50 (probability - threshold)).

    A least-squares fit of F1 to 1 that starts at 0.5 and is weakly drawn to it; not below 0.1.

    Args:
        probs: Out-of-fold probabilities, shape (N, K).
        target: 0/1, shape (N, K).

    Returns:
        Shape (K,).
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape)

    def soft(thresholds: Doubles) -> tuple[Doubles, Doubles]:
        """F1 of each label, and its derivative by the label's threshold."""
        given = expit(_SLOPE * (values - thresholds))
        slope = -_SLOPE * given * (1 - given)
        total = (given + truth).sum(axis=0) + 1e-6
        score = 2 * (given * truth).sum(axis=0) / total
        return score, (2 * (slope * truth).sum(axis=0) - score * slope.sum(axis=0)) / total

    def residuals(thresholds: Doubles) -> Doubles:
        return np.concatenate([soft(thresholds)[0] - 1, _DECAY * (thresholds - 0.5)])

    def jacobian(thresholds: Doubles) -> Doubles:
        return np.concatenate([np.diag(soft(thresholds)[1]), _DECAY * np.eye(len(thresholds))])

    fit = least_squares(residuals, np.full(values.shape[1], 0.5), jacobian, method="lm")
    return np.maximum(fit.x, _FLOOR)


def f1(probs: npt.ArrayLike, target: npt.ArrayLike) -> Doubles:
    """Thresholds that maximise F1 of each label on the images given.

    Each lies half way between two probabilities; of equally good ones the highest is taken, and 0.5 for a label that
    no image has. The score that they promise on these very images is too good: see `cross_validated`.

    Args:
        probs: Out-of-fold probabilities, shape (N, K).
        target: 0/1, shape (N, K).

    Returns:
        Shape (K,).
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape)
    result = np.full(values.shape[1], 0.5)
    for label in np.flatnonzero(truth.any(axis=0)):
        order = np.argsort(-values[:, label], kind="stable")
        falling = np.append(values[order, label], 0.0)
        hits = truth[order, label].cumsum()
        score = 2 * hits / (np.arange(1, len(order) + 1) + hits[-1])
        score[falling[:-1] == falling[1:]] = -1  # no threshold separates equal probabilities
        best = score.argmax()
        result[label] = (falling[best] + falling[best + 1]) / 2
    return result


def cross_validated(
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    fit: Callable[[Doubles, LabelMatrix], Doubles] = f1,
    always_top: bool = False,
    n_splits: int = 5,
    seed: int = 0,
) -> LabelMatrix:
    """Labels for each image by thresholds fitted without it: what an honest score of fitted thresholds is made of.

    Args:
        probs: Out-of-fold probabilities, shape (N, K).
        target: 0/1, shape (N, K).
        fit: `f1` or `soft_f1`.
        always_top: As in `assign`.
        n_splits: Number of parts; each is labelled by thresholds fitted on the others.
        seed: Of the shuffling into parts.

    Returns:
        0/1 array of shape (N, K).
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape)
    if len(values) < n_splits:
        raise InputError(f"{len(values)} images are too few to cross-validate thresholds: give at least {n_splits}")
    given = np.empty_like(truth)
    for fitted, held_out in KFold(n_splits, shuffle=True, random_state=seed).split(values):
        given[held_out] = assign(values[held_out], fit(values[fitted], truth[fitted]), always_top)
    return given


def _per_label(name: str, values: npt.ArrayLike, num_labels: int) -> Doubles:
    array = np.asarray(values, np.float64)
    if array.shape != (num_labels,):
        raise InputError(f"{name} have shape {array.shape}; expected ({num_labels},), one for each label")
    if not ((array >= 0) & (array <= 1)).all():
        raise InputError(f"{name} hold NaN or values outside 0..1: {array.tolist()}")
    return array
