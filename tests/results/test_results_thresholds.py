"""Thresholds equal to the reference's, and to a search that tries every candidate."""

import json

import numpy as np
import pytest

from hpa_lit.results import evaluation, submission, thresholds


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "thresholds.npz")


@pytest.fixture
def drawn():
    """Probabilities rounded so that many are equal, and labels that they predict."""
    rng = np.random.default_rng(3)
    probs = rng.beta(0.5, 1.5, (400, 5)).round(2)
    return probs, (rng.random(probs.shape) < probs).astype(np.uint8)


@pytest.mark.parametrize("case", ["beta", "small"])
def test_ratio_equals_the_reference_exactly(arrays, golden, case):
    probs = arrays[f"test/{case}/probs"]
    found = thresholds.ratio(probs, arrays[f"test/{case}/ratio"])
    assert found.tolist() == arrays[f"test/{case}/threshold"].tolist()
    strings = json.loads((golden / "thresholds_labels.json").read_text())
    assert submission.to_strings(probs, found) == strings[case]
    assert submission.to_strings(probs, np.full(28, 0.5)) == strings[f"{case}@0.5"]


def test_ratio_takes_the_nearest_share_then_the_middle(drawn):
    probs, wanted = drawn[0], np.array([0.0, 0.1, 0.33, 0.5, 1.0])
    grid = np.linspace(0, 1, 10000)
    for label, found in enumerate(thresholds.ratio(probs, wanted)):
        distance = np.abs((probs[:, label] > grid[:, None]).mean(axis=1) - wanted[label])
        ties = grid[distance == distance.min()]
        assert found == ties[np.abs(ties - 0.5).argmin()]


def test_leaderboard_ratios_equal_the_reference(arrays):
    assert thresholds.LEADERBOARD_RATIOS.tolist() == arrays["ratio_as_written"].tolist()
    assert thresholds.leaderboard_ratios(arrays["train_frequency"]).tolist() == arrays["ratio_used"].tolist()


def test_soft_f1_equals_the_reference(arrays):
    found = thresholds.soft_f1(arrays["value/a/probs"], arrays["value/a/labels"])
    np.testing.assert_allclose(found, arrays["value/a/threshold"], atol=1e-3)


def test_soft_f1_has_a_floor():
    probs = np.linspace(0, 0.2, 50)[:, None]
    assert thresholds.soft_f1(probs, probs > 0.01).tolist() == [0.1]


def test_f1_finds_the_best_of_all_thresholds(drawn):
    probs, truth = drawn
    found = thresholds.f1(probs, truth)
    best = [
        max(evaluation.macro_f1(truth[:, [k]], probs[:, [k]] > t) for t in np.linspace(0, 1, 401))
        for k in range(probs.shape[1])
    ]
    assert evaluation.macro_f1(truth, thresholds.assign(probs, found, always_top=False)) == pytest.approx(np.mean(best))


def test_f1_lies_half_way_and_leaves_unseen_labels_at_one_half():
    probs = np.array([[0.9, 0.9], [0.6, 0.1], [0.2, 0.2]])
    truth = np.array([[1, 0], [1, 0], [0, 0]])
    np.testing.assert_allclose(thresholds.f1(probs, truth), [0.4, 0.5])


def test_cross_validated_labels_come_from_the_other_parts(drawn):
    probs, truth = drawn
    whole = evaluation.macro_f1(truth, thresholds.assign(probs, thresholds.f1(probs, truth), always_top=False))
    honest = evaluation.macro_f1(truth, thresholds.cross_validated(probs, truth))
    assert honest < whole
    # Probabilities that know nothing must not seem to know something: any threshold gives F1 of about 2q / (1 + q).
    rng = np.random.default_rng(0)
    noise, labels = rng.random((2000, 1)), (rng.random((2000, 1)) < 0.1).astype(np.uint8)
    assert evaluation.macro_f1(labels, thresholds.cross_validated(noise, labels)) < 0.2 / 1.1 + 0.03


def test_a_threshold_of_one_still_leaves_the_top_label():
    assert submission.to_strings(np.array([[0.2, 1.0, 1.0]]), np.ones(3)) == ["1"]  # the first of equals
    assert submission.to_strings(np.array([[0.2, 1.0, 1.0]]), np.ones(3), always_top=False) == [""]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: thresholds.ratio(p, np.full(4, 0.1)), r"expected \(5,\)"),
        (lambda p: thresholds.ratio(p, np.full(5, np.nan)), "NaN"),
        (lambda p: thresholds.ratio(p[:0], np.full(5, 0.1)), "at least one"),
        (lambda p: thresholds.ratio(np.where(p > 0.5, np.nan, p), np.full(5, 0.1)), "NaN"),
        (lambda p: thresholds.ratio(p * 20 - 10, np.full(5, 0.1)), "logits"),
        (lambda p: thresholds.fixed([0.5] * 4, 5), r"expected \(5,\)"),
        (lambda p: thresholds.fixed(1.5, 5), "0..1"),
        (lambda p: thresholds.assign(p, [0.5] * 6), r"expected \(5,\)"),
        (lambda p: thresholds.f1(p, np.zeros((3, 5))), r"expected \(400, 5\)"),
        (lambda p: thresholds.soft_f1(p, np.full(p.shape, 2)), "other than 0 and 1"),
        (lambda p: thresholds.cross_validated(p[:4], np.zeros((4, 5))), "too few"),
    ],
)
def test_bad_input_is_named(drawn, call, message):
    with pytest.raises(ValueError, match=message):
        call(drawn[0])
