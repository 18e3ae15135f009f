"""Fitting how probabilities become answers to the images that a model was validated on. method 10."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logit, xlog1py, xlogy
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import KFold

from hpa_lit.files.prediction_file import HIGHEST, LOWEST
from hpa_lit.results import thresholds
from hpa_lit.results.arrays import Doubles, LabelMatrix, probabilities, targets
from hpa_lit.results.decision import Calibration, Decision, Method, Rule, calibrated
from hpa_lit.results.evaluation import bootstrap_interval, present_macro_f1

Groups = npt.NDArray[np.int64]

FEWEST = 20  # images that a decision is fitted to
_PARTS = 5  # each is held out once
_HOTTEST = 20.0  # temperature that is tried, and the inverse of the coldest
_CANDIDATES = np.linspace(0.05, 0.95, 19)  # of one threshold for all labels
_DOUBT = 10  # images that have a label, at which its own threshold counts as much as the common one


def decide(
    labels: Sequence[str],
    probs: npt.ArrayLike,
    target: npt.ArrayLike,
    dataset: str = "valid",
    views: Sequence[str] = ("crop0/default",),
    groups: Sequence[str] | None = None,
    always_top: bool = True,
) -> Decision | None:
    """The decision of a model; None where there are fewer than 20 images, or groups of them, to fit it to.

    What is chosen among is judged on parts of the images that it was not fitted to: calibration, label by label, by
    its log loss, and the thresholds' rule by macro F1, which is then what to expect.

    Args:
        labels: K label names.
        probs: As the network gives them, shape (N, K).
        target: 0/1, shape (N, K).
        dataset: Which images these are.
        views: How the network looked at them.
        groups: Of images that are alike, such as the cells of a field, N names: what is judged holds out whole groups.
            None: each image is one.
        always_top: The most probable label is given in any case.
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape)
    group = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(np.unique(group)) < FEWEST:
        return None
    methods = choose_methods(values, truth, group)
    given: dict[Rule, LabelMatrix] = {rule: np.empty_like(truth) for rule in RULES}
    for fitted, held_out in _parts(group):
        calibration = fit_calibration(values[fitted], truth[fitted], methods)
        seen, unseen = calibrated(calibration, values[fitted]), calibrated(calibration, values[held_out])
        for rule, choose in RULES.items():
            limits = choose(seen, truth[fitted], always_top)
            given[rule][held_out] = thresholds.assign(unseen, limits, always_top)
    scores: dict[Rule, float] = {rule: present_macro_f1(truth, answers) for rule, answers in given.items()}
    best = max(scores, key=lambda rule: scores[rule])  # of equals the first, which is the plainest
    calibration = fit_calibration(values, truth, methods)
    limits = RULES[best](calibrated(calibration, values), truth, always_top)
    return Decision(
        labels=tuple(labels),
        calibration=calibration,
        thresholds=tuple(limits.tolist()),
        rule=best,
        images=len(values),
        dataset=dataset,
        views=tuple(views),
        present=int(truth.any(axis=0).sum()),
        macro_f1=scores[best],
        macro_f1_interval=bootstrap_interval(truth, given[best], groups=group),
    )


def choose_methods(values: Doubles, truth: LabelMatrix, group: Groups) -> tuple[Method, ...]:
    """How to calibrate each label: as little as does, by the log loss of images that a fit did not see.

    One temperature for all labels is taken, and then for a label a curve of its own, where that lowers the loss by more
    than the standard error of the difference: a few images do not call for it.

    Args:
        values: Probabilities, shape (N, K).
        truth: 0/1, shape (N, K).
        group: Of each image, shape (N,), from 0 on.
    """
    kinds: tuple[Method, ...] = ("temperature", "isotonic")
    found = {kind: np.empty_like(values) for kind in kinds}
    for fitted, held_out in _parts(group):
        for kind in kinds:
            calibration = fit_calibration(values[fitted], truth[fitted], [kind] * values.shape[1])
            found[kind][held_out] = calibrated(calibration, values[held_out])
    ways = (values, found["temperature"], found["isotonic"])
    plain, cooled, curved = (_per_group(_log_loss(probs, truth), group) for probs in ways)
    shared: Method = "temperature" if _is_better(cooled.sum(axis=1), plain.sum(axis=1)) else "none"
    without_curve = cooled if shared == "temperature" else plain
    pairs = zip(curved.T, without_curve.T, strict=True)
    return tuple("isotonic" if _is_better(curve, without) else shared for curve, without in pairs)


def fit_calibration(values: Doubles, truth: LabelMatrix, methods: Sequence[Method]) -> tuple[Calibration, ...]:
    """The calibration of each label by its method; labels by temperature share one, fitted to all labels.

    Args:
        values: Probabilities, shape (N, K).
        truth: 0/1, shape (N, K).
        methods: K of them.
    """
    fitted: Mapping[Method, Calibration] = {"none": Calibration()}
    if "temperature" in methods:
        fitted = {**fitted, "temperature": _one_temperature(values, truth)}
    return tuple(
        _curve(values[:, label], truth[:, label]) if method == "isotonic" else fitted[method]
        for label, method in enumerate(methods)
    )


def common_threshold(values: Doubles, truth: LabelMatrix, always_top: bool = True) -> Doubles:
    """The one threshold for all labels, of 0.05, 0.1, ... 0.95, that gives the highest macro F1; shape (K,)."""
    limits = [np.full(values.shape[1], limit) for limit in _CANDIDATES]
    scores = [present_macro_f1(truth, thresholds.assign(values, limit, always_top)) for limit in limits]
    return limits[int(np.argmax(scores))]


def shrunk_thresholds(values: Doubles, truth: LabelMatrix, always_top: bool = True) -> Doubles:
    """The threshold of the highest F1 of each label, drawn to the common one where few images have it; shape (K,)."""
    has = truth.sum(axis=0, dtype=np.float64)
    own, common = thresholds.f1(values, truth), common_threshold(values, truth, always_top)
    return np.asarray((has * own + _DOUBT * common) / (has + _DOUBT))


RULES: dict[Rule, Callable[[Doubles, LabelMatrix, bool], Doubles]] = {
    "half": lambda values, truth, always_top: np.full(values.shape[1], 0.5),
    "common": common_threshold,
    "each": shrunk_thresholds,
}


def _parts(group: Groups) -> list[tuple[Groups, Groups]]:
    """The images divided in five ways into those to fit to, and those held out, by whole groups."""
    parts = KFold(_PARTS, shuffle=True, random_state=0).split(np.unique(group))
    return [(np.flatnonzero(np.isin(group, fitted)), np.flatnonzero(np.isin(group, out))) for fitted, out in parts]


def _per_group(loss: Doubles, group: Groups) -> Doubles:
    """The sum of a loss, (N, K), over the images of each group."""
    total = np.zeros((group.max() + 1, loss.shape[1]))
    np.add.at(total, group, loss)
    return total


def _one_temperature(values: Doubles, truth: LabelMatrix) -> Calibration:
    odds, sign = logit(np.clip(values, LOWEST, HIGHEST)), 1 - 2.0 * truth

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, sign * odds / np.exp(log_temperature)).mean())

    bound = float(np.log(_HOTTEST))
    best = minimize_scalar(loss, bounds=(-bound, bound), method="bounded")
    return Calibration(method="temperature", temperature=float(np.exp(best.x)))


def _curve(values: Doubles, truth: LabelMatrix) -> Calibration:
    """Isotonic regression of one label.

    An imagined image that has the label lies at the lowest probability, and one that has it not at the highest: from a
    number of images, nothing follows with certainty.
    """
    seen = np.concatenate([[values.min()], values, [values.max()]])
    fit = IsotonicRegression(y_min=0, y_max=1).fit(seen, np.concatenate([[1.0], truth, [0.0]]))
    given, meant = fit.X_thresholds_.tolist(), fit.y_thresholds_.tolist()
    return Calibration(method="isotonic", given=tuple(given), meant=tuple(meant))


def _log_loss(probs: Doubles, truth: LabelMatrix) -> Doubles:
    """Of each cell, shape (N, K)."""
    inside = np.clip(probs, LOWEST, HIGHEST)
    return np.asarray(-xlogy(truth, inside) - xlog1py(1.0 - truth, -inside), np.float64)


def _is_better(loss: Doubles, other: Doubles) -> bool:
    """Whether a loss, shape (N,), is lower than another by more than the standard error of the difference."""
    gain = other - loss
    return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))
