"""Answers from probabilities: by what the model knows, by a threshold of somebody's, or by 0.5."""

import numpy as np
import pytest
from small_run import DECISION, LABELS

from hpa_lit.files.prediction_file import Predictions
from hpa_lit.inference.answering import answered, said


@pytest.fixture
def predictions():
    views = np.array([[[0.9, 0.2, 0.5], [0.5, 0.55, 0.3]], [[np.nan] * 3] * 2, [[0.1, 0.3, 0.2]] * 2], np.float32)
    source = {"run": "small", "fold": 0, "dataset": "x", "checkpoint": "best.ckpt"}
    names = {"views": ("crop0/default", "crop1/default"), "labels": tuple(LABELS)}
    return Predictions(ids=("a", "b", "c"), status=("ok", "cut short", "ok"), probabilities=views, **names, **source)


def test_without_a_decision_the_largest_of_the_views_counts(predictions):
    found = answered(predictions, None)
    np.testing.assert_allclose(found.probabilities[[0, 2]], [[0.9, 0.55, 0.5], [0.1, 0.3, 0.2]], rtol=1e-6)
    assert found.in_words() == [["bright", "dark"], [], ["dark"]]
    assert answered(predictions, None, 0.9).in_words() == [["bright"], [], ["dark"]]
    assert answered(predictions, None, 0.15).in_words() == [["bright", "dark", "odd"], [], ["dark", "odd"]]


def test_with_one_each_view_is_calibrated_and_their_mean_counts(predictions):
    found = answered(predictions, DECISION)
    np.testing.assert_allclose(
        found.probabilities[0], DECISION.calibrated(predictions.probabilities[[0]])[0], rtol=1e-6
    )
    assert np.isnan(found.probabilities[1]).all()
    np.testing.assert_array_equal(found.given[[0, 2]], DECISION.answers(predictions.probabilities[[0, 2]]))
    assert found.in_words()[1] == []
    assert answered(predictions, DECISION, 0.01).in_words()[2] == ["dark", "odd", "bright"]


def test_it_says_by_what(predictions):
    assert said(None) == (
        "labels above a probability of 0.5, since the model knows no thresholds, the most probable in any case"
    )
    assert said(None, 0.3) == "labels above a probability of 0.3, the most probable in any case"
    assert said(DECISION, 0.3) == "labels above a calibrated probability of 0.3, the most probable in any case"
    assert said(DECISION) == (
        "probabilities are left as they are (1 label), calibrated by one temperature of 0.5 (1 label), calibrated by a "
        "curve of their own (1 label); labels above thresholds of 0.35 to 0.7, by label, are given; both fitted on 50 "
        "images (dataset=valid), with a macro F1 to expect of 0.75 (0.50 to 0.90) over all labels; the most probable "
        "label is given in any case"
    )
