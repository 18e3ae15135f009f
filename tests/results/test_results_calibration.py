"""Reliability against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import binary_calibration_error

from hpa_lit.results.calibration import expected_error, reliability


def test_reliability_equals_the_libraries():
    rng = np.random.default_rng(0)
    probs = rng.beta(0.4, 2, (300, 7))
    target = rng.random(probs.shape) < probs**1.5
    table = reliability(target, probs, bins=12)
    share, probability = calibration_curve(target.ravel(), probs.ravel(), n_bins=12)
    np.testing.assert_allclose(table["share"], share)
    np.testing.assert_allclose(table["probability"], probability)
    assert table["cells"].sum() == 2100
    error = binary_calibration_error(torch.from_numpy(probs.ravel()), torch.from_numpy(target.ravel()).int(), n_bins=12)
    assert expected_error(table) == pytest.approx(error.item(), abs=1e-6)


def test_bins_by_hand():
    table = reliability([[1, 0], [0, 1]], [[0.5, 0.0], [0.1, 1.0]], bins=2)
    assert table["cells"].tolist() == [3, 1]  # 0.5 counts in the lower bin
    assert table["share"].tolist() == [1 / 3, 1]
    assert table["probability"].tolist() == pytest.approx([0.2, 1])
    assert expected_error(table) == pytest.approx((1 / 3 - 0.2) * 3 / 4)


def test_empty_bins_have_nothing_and_count_for_nothing():
    table = reliability([[0]], [[0.95]], bins=10)
    assert table["share"].notna().sum() == 1
    assert expected_error(table) == pytest.approx(0.95)
