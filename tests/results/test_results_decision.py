"""From probabilities to answers: calibrated label by label, compared with thresholds, kept in plain containers."""

import json

import numpy as np
import pytest
from small_run import DECISION

from hpa_lit.errors import InputError
from hpa_lit.results.decision import Decision

PROBS = np.array([[0.4, 0.6, 0.3], [0.3, 0.2, 0.1], [0.6, 0.5, 0.7]])
# By hand: 0.6 / 0.4 squared is 2.25, and 0.2 / 0.8 squared 1 / 16; a quarter of the way from 0.1 to 0.9 is 0.3.
MEANT = np.array([[0.4, 2.25 / 3.25, 0.3], [0.3, 1 / 17, 0.1], [0.6, 0.5, 0.9]])


def test_each_label_is_calibrated_by_its_own_method():
    np.testing.assert_allclose(DECISION.calibrated(PROBS), MEANT, rtol=1e-12)
    assert np.isfinite(DECISION.calibrated([[0, 0, 0], [1, 1, 1]])).all()
    assert np.isnan(DECISION.calibrated([[np.nan, 0.5, 0.5]])[0, 0])


def test_labels_above_their_threshold_are_given_and_the_most_probable_in_any_case():
    given = DECISION.answers(PROBS)
    assert given.dtype == bool
    np.testing.assert_array_equal(given, [[0, 1, 0], [1, 0, 0], [1, 0, 1]])


def test_each_view_is_calibrated_by_itself_before_the_mean():
    views = np.stack([PROBS, PROBS[::-1]], axis=1)
    np.testing.assert_allclose(DECISION.calibrated(views), (MEANT + MEANT[::-1]) / 2)
    np.testing.assert_array_equal(DECISION.answers(views), DECISION.answers(views[:, ::-1]))


def test_plain_containers_hold_all_of_it():
    plain = DECISION.to_plain()
    assert Decision.from_plain(json.loads(json.dumps(plain))) == DECISION


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"thresholds": [0.5, 0.5]}, "3 labels, 3 calibrations and 2 thresholds"),
        ({"thresholds": [0.5, 0.5, float("nan")]}, r"thresholds\.2"),
        ({"macro_f1": "0.5"}, "macro_f1"),
        ({"calibration": [{}, {}, {"method": "isotonic", "given": [0.5, 0.2], "meant": [0, 1]}]}, "the curve falls"),
        ({"calibration": [{}, {}, {"method": "temperature", "temperature": 0}]}, r"calibration\.2\.temperature"),
        ({"code": "x"}, "code"),
    ],
)
def test_a_decision_of_others_that_does_not_hold_together_is_refused(changed, message):
    with pytest.raises(InputError, match=f"the decision cannot be used: .*{message}"):
        Decision.from_plain({**DECISION.to_plain(), **changed})


def test_other_shapes_are_named():
    with pytest.raises(InputError, match=r"shape \(3, 2\); expected \(images, 3\)"):
        DECISION.calibrated(PROBS[:, :2])
