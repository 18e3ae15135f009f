"""How probabilities become answers is fitted to images whose labels are known, and judged on such as it did not see."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score, log_loss

from hpa_lit.results import thresholds
from hpa_lit.results.deciding import choose_methods, common_threshold, decide, fit_calibration, shrunk_thresholds
from hpa_lit.results.decision import Decision, calibrated

NAMES = ("often", "seldom", "rare")


def images(count, temperature=1.0, seed=0):
    """Images whose probabilities mean what they say at a temperature of 1."""
    rng = np.random.default_rng(seed)
    odds = rng.normal([0.5, -1.5, -3], 2.5, (count, 3))
    return expit(odds * temperature), (rng.random((count, 3)) < expit(odds)).astype(np.uint8)


def test_one_temperature_for_all_labels_makes_overconfident_probabilities_honest():
    probs, truth = images(4000, temperature=2.0)
    decision = decide(NAMES, probs, truth)
    assert {c.method for c in decision.calibration} == {"temperature"}
    assert len({c.temperature for c in decision.calibration}) == 1
    assert decision.calibration[0].temperature == pytest.approx(2, rel=0.1)
    unseen, answers = images(4000, temperature=2.0, seed=1)
    honest, given = (log_loss(answers.ravel(), probs.ravel()) for probs in (decision.calibrated(unseen), unseen))
    assert honest < 0.9 * given


def test_probabilities_that_mean_what_they_say_stay():
    assert choose_methods(*images(2000), np.arange(2000)) == ("none", "none", "none")


def test_a_label_that_is_wrong_in_a_way_of_its_own_gets_a_curve_and_few_images_get_none():
    def bent(count, seed):
        probs, truth = images(count, seed=seed)
        return np.stack([probs[:, 0], 0.5 + probs[:, 1] / 4, probs[:, 2]], axis=1), truth

    assert choose_methods(*bent(2000, 0), np.arange(2000)) == ("none", "isotonic", "none")
    few, known = images(25)
    assert choose_methods(few, known, np.arange(len(few))) == ("none", "none", "none")


def test_a_curve_is_the_isotonic_regression_by_its_definition():
    probs, truth = images(200)
    (curve,) = fit_calibration(probs[:, [0]], truth[:, [0]], ["isotonic"])
    order = np.argsort(probs[:, 0])
    sums = np.concatenate(
        [[0.0], np.cumsum(np.concatenate([[1.0], truth[order, 0], [0.0]]))]
    )  # with both imagined ones
    begin, end = np.arange(len(sums) - 1)[:, None], np.arange(1, len(sums))[None]
    means = np.where(end > begin, (sums[end] - sums[begin]) / np.maximum(end - begin, 1), np.inf)
    lowest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]  # over all that end there or later
    expected = np.maximum.accumulate(np.where(end > begin, lowest, -np.inf), axis=0)[begin.ravel(), begin.ravel()]
    # The imagined ones lie where the first and the last image do, which share a place with them there.
    np.testing.assert_allclose(curve(probs[order, 0])[1:-1], expected[2:-2], atol=1e-9)


def test_no_curve_says_never_or_always():
    probs, truth = np.linspace(0.1, 0.9, 50)[:, None], (np.arange(50) >= 25).astype(np.uint8)[:, None]
    meant = calibrated(fit_calibration(probs, truth, ["isotonic"]), np.array([[0.0], [0.1], [0.9], [1.0]]))
    np.testing.assert_allclose(meant.ravel(), [1 / 26, 1 / 26, 25 / 26, 25 / 26])


def test_the_threshold_of_a_rare_label_is_drawn_to_that_of_all():
    probs, truth = images(500)
    own, common, drawn = (choose(probs, truth) for choose in (thresholds_f1, common_threshold, shrunk_thresholds))
    has = truth.sum(axis=0)
    assert has[2] < has[0]
    np.testing.assert_allclose(drawn, (has * own + 10 * common) / (has + 10))
    scores = [
        f1_score(truth, thresholds.assign(probs, np.full(3, limit)), average="macro") for limit in np.arange(1, 20) / 20
    ]
    assert common == pytest.approx(np.full(3, (1 + int(np.argmax(scores))) / 20))


def thresholds_f1(probs, truth):
    return thresholds.f1(probs, truth)


@pytest.mark.parametrize("count", [60, 300, 2000])
def test_the_macro_f1_to_expect_is_what_comes(count):
    probs, truth = images(count, temperature=2.0)
    decision = decide(NAMES, probs, truth)
    unseen, answers = images(20000, temperature=2.0, seed=9)
    come = f1_score(answers, decision.answers(unseen), average="macro")
    low, high = decision.macro_f1_interval
    assert low <= decision.macro_f1 <= high
    assert low - 0.02 <= come <= high + 0.02
    half = f1_score(answers, thresholds.assign(unseen, np.full(3, 0.5)), average="macro")
    assert come > half - 0.01


def test_it_says_what_it_was_fitted_to_and_survives_being_written_down():
    probs, truth = images(60)
    truth[:, 2] = 0
    decision = decide(NAMES, probs, truth, dataset="valid", views=("crop0/default",))
    assert (decision.images, decision.dataset, decision.present, decision.labels) == (60, "valid", 2, NAMES)
    assert Decision.from_plain(decision.to_plain()) == decision == decide(NAMES, probs, truth)
    assert "fitted on 60 images (dataset=valid), with a macro F1 to expect of 0.76" in str(decision)
    assert "over the 2 of 3 labels that these have" in str(decision)


def test_too_few_images_decide_nothing():
    assert decide(NAMES, *images(19)) is None


def test_separable_labels_and_ends_of_the_scale_are_no_trouble():
    truth = np.eye(3, dtype=np.uint8)[np.arange(30) % 3]
    decision = decide(NAMES, truth.astype(float), truth)
    assert decision.macro_f1 == 1
    np.testing.assert_array_equal(decision.answers(truth.astype(float)), truth)
    same = decide(NAMES, np.full((30, 3), 0.5), truth)
    assert np.isfinite(same.calibrated(np.full((1, 3), 0.5))).all()


def test_what_is_alike_is_held_out_together():
    """Forty fields of fifty cells each, whose probabilities say the field, and whose labels are drawn by the field."""
    rng = np.random.default_rng(2)
    of_field = rng.random((40, 3))
    labels = (rng.random((40, 3)) < 0.5).astype(np.uint8)  # have nothing to do with the probabilities
    probs, truth = np.repeat(of_field, 50, axis=0), np.repeat(labels, 50, axis=0)
    fields = np.repeat([f"f{k}" for k in range(40)], 50)
    apart, together = decide(NAMES, probs, truth), decide(NAMES, probs, truth, groups=fields)
    assert {c.method for c in apart.calibration} == {"isotonic"}  # curves that know fields by their probability
    assert "isotonic" not in {c.method for c in together.calibration}
    assert np.ptp(together.macro_f1_interval) > 4 * np.ptp(apart.macro_f1_interval)
    assert decide(NAMES, probs[:950], truth[:950], groups=fields[:950]) is None  # of 19 fields


def test_cells_may_have_no_label():
    probs, truth = images(500)
    decision = decide(NAMES, probs, truth, always_top=False)
    values = decision.calibrated(probs)
    expected = [f1_score(truth, values > limit, average="macro") for limit in np.linspace(0.05, 0.95, 19)]
    assert common_threshold(values, truth, always_top=False)[0] == np.linspace(0.05, 0.95, 19)[np.argmax(expected)]
    assert decision.macro_f1 <= max(expected) + 0.02
