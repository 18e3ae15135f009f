"""Scores against the reference's values, scikit-learn and torchmetrics."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support
from torchmetrics.functional.classification import multilabel_average_precision, multilabel_f1_score

from hpa_lit.results import evaluation, thresholds


@pytest.fixture(scope="module")
def case(golden):
    arrays = np.load(golden / "metrics.npz")
    return 1 / (1 + np.exp(-arrays["cls_a/logits"].astype(float))), arrays["cls_a/labels"]


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_saved_probabilities_score_as_in_the_reference(case, golden, threshold):
    expected = json.loads((golden / "metrics.json").read_text())["cls_a"][f"saved_th{threshold}"]
    probs, truth = case
    predicted = thresholds.assign(probs, np.full(28, threshold))
    found = evaluation.scores(truth, predicted, tuple(map(str, range(28))), probs)
    assert found.macro_f1_all == pytest.approx(expected["macro_f1"], abs=1e-9)
    assert found.accuracy == pytest.approx(expected["acc"], abs=1e-9)
    assert found.focal_loss == pytest.approx(expected["focal"], abs=1e-5)
    assert found.labels["predicted"].tolist() == expected["distribution"]


def test_labels_equal_scikit_learn_and_torchmetrics(case):
    probs, truth = case
    found = evaluation.scores(truth, probs > 0.5, tuple(map(str, range(28))), probs).labels
    p, t = torch.from_numpy(probs), torch.from_numpy(truth).long()
    assert evaluation.macro_f1(truth, probs > 0.5) == pytest.approx(f1_score(truth, probs > 0.5, average="macro"))
    precision, recall, f1, _ = precision_recall_fscore_support(truth, probs > 0.5)
    np.testing.assert_allclose(found[["precision", "recall", "f1"]], np.stack([precision, recall, f1], 1), atol=1e-12)
    np.testing.assert_allclose(found.f1, multilabel_f1_score(p, t, 28, average=None), atol=1e-6)
    np.testing.assert_allclose(found.average_precision, multilabel_average_precision(p, t, 28, average=None), atol=1e-6)
    assert found.support.tolist() == truth.sum(axis=0).tolist()


def test_a_label_with_neither_truth_nor_prediction_counts_as_zero_among_all():
    truth = np.array([[1, 0], [1, 0]])
    assert evaluation.macro_f1(truth, truth) == 0.5


def test_a_perfect_answer_of_two_labels_of_28_scores_1_over_those_present(case):
    probs, truth = case[0], np.zeros_like(case[1])
    truth[:, [0, 25]] = np.eye(2, dtype=np.uint8)[np.arange(len(truth)) % 2]
    found = evaluation.scores(truth, truth, tuple(map(str, range(28))), probs)
    assert (found.present, found.macro_f1, found.macro_f1_interval) == (2, 1, (1, 1))
    assert found.macro_f1_all == pytest.approx(2 / 28)
    said = "macro F1 1.0000 (95 % interval 1.0000 to 1.0000) over 2 labels that they have, 0.0714 over all 28"
    assert said in str(found)


def test_labels_that_are_present_score_as_in_scikit_learn(case):
    probs, truth = case[0], case[1].copy()
    truth[:, ::3] = 0
    wanted = f1_score(truth, probs > 0.5, average="macro", labels=np.flatnonzero(truth.any(axis=0)))
    assert evaluation.present_macro_f1(truth, probs > 0.5) == pytest.approx(wanted)
    low, high = evaluation.bootstrap_interval(truth, probs > 0.5)
    assert low < wanted < high


def test_no_label_at_all_scores_0():
    nothing = np.zeros((3, 2), np.uint8)
    assert evaluation.present_macro_f1(nothing, 1 - nothing) == 0
    assert evaluation.bootstrap_interval(nothing, nothing) == (0, 0)


def test_one_label_is_one_label():
    assert evaluation.macro_f1([[1], [1], [0]], [[1], [0], [0]]) == pytest.approx(2 / 3)


def test_an_absent_label_has_no_average_precision_and_json_says_null():
    scores = evaluation.scores([[1, 0], [0, 0]], [[1, 0], [0, 1]], ("a", "b"), [[0.9, 0.1], [0.2, 0.8]])
    first, second = json.loads(json.dumps(scores.to_dict()))["labels"]
    assert (first["average_precision"], second["average_precision"]) == (1.0, None)
    assert (second["support"], second["predicted"]) == (0, 1)


def test_focal_loss_is_finite_where_saved_probabilities_are_0_and_1():
    assert np.isfinite(evaluation.focal_loss([[0, 1]], [[1.0, 0.0]]))
    assert evaluation.focal_loss([[0, 1]], [[0.0, 1.0]]) == pytest.approx(0)


def test_bootstrap_interval_has_the_width_that_theory_gives():
    # All images predicted positive: F1 = 2q / (1 + q) with q the share of positives, whose standard error is known.
    truth = np.zeros((1000, 1), int)
    truth[:300] = 1
    low, high = evaluation.bootstrap_interval(truth, np.ones_like(truth), samples=4000)
    error = np.sqrt(0.3 * 0.7 / 1000) * 2 / 1.3**2  # delta method
    assert low == pytest.approx(0.6 / 1.3 - 1.96 * error, abs=0.003)
    assert high == pytest.approx(0.6 / 1.3 + 1.96 * error, abs=0.003)


def test_label_intervals_have_the_width_that_theory_gives():
    # As above; precision is the share of positives, and everything that is there is found.
    truth = np.zeros((1000, 2), int)
    truth[:300, 0] = 1
    found = evaluation.label_intervals(truth, np.ones_like(truth), np.full(truth.shape, 0.5), samples=4000)
    error = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    np.testing.assert_allclose(found.loc[0, ["precision_low", "precision_high"]], [0.3 - error, 0.3 + error], atol=3e-3)
    slope = 2 / 1.3**2
    expected = 0.6 / 1.3 + np.array([-1, 1]) * error * slope
    np.testing.assert_allclose(found.loc[0, ["f1_low", "f1_high"]], expected, atol=3e-3)
    assert found.loc[0, ["recall_low", "recall_high"]].tolist() == [1, 1]
    # All images are as probable, so average precision is the share too.
    assert found.loc[0, "average_precision_low"] == pytest.approx(found.loc[0, "precision_low"])
    assert found.loc[1].dropna().eq(0).all()
    assert found.loc[1].isna().tolist() == [name.startswith("average") for name in found]


def test_average_precision_of_samples_equals_scikit_learn(case):
    probs, truth = case[0].round(2), case[1]  # rounded, so that there are ties
    present = truth.any(axis=0)
    found = evaluation.label_intervals(truth, truth, probs, samples=1, seed=3)
    drawn = np.random.default_rng(3).integers(len(truth), size=len(truth))
    inside = present & truth[drawn].any(axis=0)
    expected = average_precision_score(truth[drawn][:, inside], probs[drawn][:, inside], average=None)
    np.testing.assert_allclose(found["average_precision_low"][inside], expected, atol=1e-6)
    assert found["average_precision_high"].notna().tolist() == inside.tolist()


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), r"expected \(3, 3\)"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), "other than 0 and 1"),
        (np.zeros((2, 3)), np.full((2, 3), 0.5), "other than 0 and 1"),
        (np.zeros((0, 3)), np.zeros((0, 3)), r"\(images, labels\)"),
    ],
)
def test_bad_input_is_named(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        evaluation.macro_f1(truth, predicted)
