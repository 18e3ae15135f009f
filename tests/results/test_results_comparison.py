"""Models side by side: values as the plain functions give them, and differences that are sure where they are."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hpa_lit.errors import InputError
from hpa_lit.results import evaluation
from hpa_lit.results.calibration import expected_error, reliability
from hpa_lit.results.comparison import METRICS, compare

NAMES = ("common", "rare", "absent")


def made(quality, images=400, seed=0):
    """A truth of two labels of three, and probabilities that know it more or less well."""
    truth = (np.random.default_rng(9).random((images, 3)) < [0.5, 0.1, 0]).astype(np.uint8)
    noise = np.random.default_rng(seed).normal(size=truth.shape)
    return truth, 1 / (1 + np.exp(-(quality * (2.0 * truth - 1) + noise)))


def scores_of(comparison, model):
    return comparison.scores[comparison.scores.model == model].set_index("metric")


def test_values_are_those_of_the_plain_functions():
    truth, good = made(2)
    _, bad = made(0.5, seed=1)
    found = compare(truth, {"good": [good], "bad": [bad, good]}, NAMES, samples=20)
    values = scores_of(found, "good").value
    assert values["macro_f1"] == pytest.approx(evaluation.present_macro_f1(truth, good > 0.5), abs=1e-6)
    average = average_precision_score(truth[:, :2], good[:, :2], average="macro")
    assert values["mean_average_precision"] == pytest.approx(average, abs=1e-6)
    assert values["focal_loss"] == pytest.approx(evaluation.focal_loss(truth, good))
    assert values["calibration_error"] == pytest.approx(expected_error(reliability(truth, good)))
    of_both = scores_of(found, "bad").value["focal_loss"]
    assert of_both == pytest.approx(np.mean([evaluation.focal_loss(truth, probs) for probs in (bad, good)]))
    assert found.seeds == {"good": 1, "bad": 2}
    assert found.images == 400


def test_what_is_better_is_called_so_and_what_is_equal_is_not():
    truth, good = made(2)
    _, bad = made(0.5, seed=1)
    found = compare(truth, {"bad": [bad], "good": [good], "bad again": [bad]}, NAMES, samples=200)
    better = scores_of(found, "good")
    assert better.verdict.tolist() == ["better"] * len(METRICS)
    assert better.difference["macro_f1"] > 0 > better.difference["focal_loss"]
    assert (better.low < better.value).all()
    assert (better.value < better.high).all()
    same = scores_of(found, "bad again")
    assert (same[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    assert set(same.verdict) == {""}
    labels = found.labels[found.labels.model == "good"].set_index("label")
    assert labels.index.tolist() == ["common", "rare"]
    assert labels.verdict["common"] == "better"
    assert labels.images.tolist() == truth[:, :2].sum(axis=0).tolist()


def test_a_paired_difference_is_surer_than_the_scores():
    truth, good = made(1)
    slightly = np.where(truth == 1, np.minimum(good + 0.02, 1), np.maximum(good - 0.02, 0))
    found = scores_of(compare(truth, {"good": [good], "slightly": [slightly]}, NAMES), "slightly")
    focal = found.loc["focal_loss"]
    assert focal.verdict == "better"
    assert focal.difference_high - focal.difference_low < 0.2 * (focal.high - focal.low)


def test_equal_models_are_seldom_told_apart():
    sure = 0
    for seed in range(40):
        truth, one = made(1, 200, seed=2 * seed + 10)
        _, other = made(1, 200, seed=2 * seed + 11)
        found = compare(truth, {"one": [one], "other": [other]}, NAMES, samples=200, seed=seed)
        sure += scores_of(found, "other").verdict["focal_loss"] != ""
    assert sure <= 6  # of 40, 2 are to be expected


def test_trainings_that_differ_make_a_difference_less_sure():
    truth, good = made(2)
    trainings = [made(quality, seed=3)[1] for quality in (0.6, 3)]
    alone = scores_of(compare(truth, {"good": [good], "other": [trainings[1]]}, NAMES, samples=200), "other")
    both = scores_of(compare(truth, {"good": [good], "other": trainings}, NAMES, samples=200), "other")
    assert alone.verdict["focal_loss"] == "better"
    assert both.verdict["focal_loss"] == ""


def test_thresholds_are_those_of_each_training():
    truth, good = made(2)
    low = np.full(3, 0.1)
    found = compare(
        truth, {"half": [good], "low": [good]}, NAMES, {"half": [np.full(3, 0.5)], "low": [low]}, samples=20
    )
    assert scores_of(found, "low").value["macro_f1"] == pytest.approx(
        evaluation.present_macro_f1(truth, good > 0.1), abs=1e-6
    )


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"one": [np.ones((4, 3))]}, "there is 1 model"),
        ({"one": [np.ones((4, 3))], "other": [np.ones((5, 3))]}, r"other has probabilities of shape \(5, 3\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(models, message):
    with pytest.raises(InputError, match=message):
        compare(np.eye(4, 3), models, NAMES)


def test_images_without_labels_are_refused():
    with pytest.raises(InputError, match="no image has a label"):
        compare(np.zeros((4, 3)), {"one": [np.ones((4, 3))], "other": [np.ones((4, 3))]}, NAMES)
