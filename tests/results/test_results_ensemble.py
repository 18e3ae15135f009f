"""Ensembles equal to the reference's, and what they refuse."""

import json

import numpy as np
import pandas as pd
import pytest

from hpa_lit.results import ensemble, evaluation, thresholds


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "ensemble.npz")


@pytest.mark.parametrize(("how", "key"), [("maximum", "whole_maximum"), ("mean", "whole_average")])
def test_views_equal_the_reference(arrays, how, key):
    for views, expected in zip(arrays["views"], arrays[key], strict=True):
        np.testing.assert_allclose(ensemble.over_views(views, how), expected, atol=1e-12)


def test_the_first_view_alone(arrays):
    first = ensemble.over_views(arrays["views"][0], "first")
    np.testing.assert_array_equal(first, arrays["views"][0][0])
    assert not np.shares_memory(first, arrays["views"])


def test_folds_and_duplicates_equal_the_reference(arrays, golden):
    mean = ensemble.over_folds(arrays["whole_maximum"])
    np.testing.assert_allclose(mean, arrays["fold_mean"], atol=1e-12)
    table = pd.read_csv(golden / "ensemble_test_match.csv")
    pairs = list(zip(table.Test1, table.Test2, strict=True))
    averaged = ensemble.over_duplicates(mean, arrays["test_ids"].tolist(), pairs)
    np.testing.assert_allclose(averaged, arrays["fold_mean_after_duplicates"], atol=1e-12)
    assert np.flatnonzero((averaged != mean).any(axis=1)).tolist() == arrays["rows_changed_by_duplicates"].tolist()


def test_overlapping_pairs_see_what_earlier_pairs_left():
    probs = np.array([[0.0], [0.4], [0.8]])
    averaged = ensemble.over_duplicates(probs, ["a", "b", "c"], [("a", "b"), ("b", "c")])
    np.testing.assert_allclose(averaged, [[0.2], [0.5], [0.5]])  # (0 + .4) / 2 = .2, then (.2 + .8) / 2 = .5
    assert probs.tolist() == [[0.0], [0.4], [0.8]]


def test_stacked_folds_score_as_the_reference_printed(arrays, golden):
    printed = json.loads((golden / "ensemble.json").read_text())["val_folds_concatenated"]
    folds = [ensemble.over_views(views) for views in arrays["val_views"]]
    ids, probs = ensemble.out_of_fold(arrays["val_ids"].tolist(), folds)
    truth = pd.DataFrame(arrays["val_labels"].reshape(-1, 28), index=arrays["val_ids"].ravel()).loc[ids].to_numpy()
    predicted = thresholds.assign(probs, np.full(28, 0.5))
    assert evaluation.macro_f1(truth, predicted) == pytest.approx(printed["macro_f1"], abs=1e-5)
    assert (truth == predicted).mean() == pytest.approx(printed["acc"], abs=1e-5)
    assert evaluation.focal_loss(truth, probs) == pytest.approx(printed["focal"], abs=1e-5)
    assert ids == sorted(ids)


def test_weights_of_any_sum():
    stack = np.array([[[0.0]], [[0.8]]])
    assert ensemble.over_folds(stack, [3, 1])[0, 0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ensemble.over_views(np.full((2, 3, 28), np.nan)), r"NaN.*\(0, 0, 0\)"),
        (lambda: ensemble.over_views(np.full((2, 3, 28), 2.0)), "0..1"),
        (lambda: ensemble.over_views(np.zeros((3, 28))), "expected 3 dimensions"),
        (lambda: ensemble.over_views(np.zeros((2, 3, 28)), "median"), "maximum, mean or first"),
        (lambda: ensemble.over_folds(np.zeros((2, 3, 28)), [1]), "2 positive numbers"),
        (lambda: ensemble.over_folds(np.zeros((2, 3, 28)), [1, 0]), "positive"),
        (lambda: ensemble.over_duplicates(np.zeros((1, 28)), ["a"], [("a", "nobody")]), "nobody"),
        (lambda: ensemble.over_duplicates(np.zeros((2, 28)), ["a", "a"], []), "repeated"),
        (lambda: ensemble.over_duplicates(np.zeros((2, 28)), ["a"], []), "1 Ids for 2 rows"),
        (lambda: ensemble.out_of_fold([["a"], ["a"]], [np.zeros((1, 28))] * 2), "repeated"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
