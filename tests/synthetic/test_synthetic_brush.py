import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hpa_lit.synthetic import brush


def test_ink_shares_a_point_among_four_pixels() -> None:
    picture = brush.ink(np.array([[2.25, 3.5]]), 8.0, 6)
    expected = np.zeros((6, 6))
    expected[3, 2], expected[3, 3], expected[4, 2], expected[4, 3] = 3, 1, 3, 1
    np.testing.assert_allclose(picture, expected)


def test_ink_leaves_out_what_lies_outside() -> None:
    points = np.array([[-0.1, 2], [2, -3], [5.0, 2], [1, 1]])
    assert brush.ink(points, [1, 1, 1, 4], 6).sum() == 4


def test_a_full_turn_closes_a_ring_of_that_length() -> None:
    (ring,) = brush.paths(np.array([[10.0, 10.0]]), 0.3, 30.0, np.random.default_rng(0), turn=2 * np.pi, step=0.05)
    centre = ring.mean(axis=0)
    np.testing.assert_allclose(ring[0], ring[-1], atol=0.1)
    np.testing.assert_allclose(np.linalg.norm(ring - centre, axis=1), 30 / (2 * np.pi), rtol=0.02)


def test_paths_without_turns_are_straight() -> None:
    points = brush.paths(np.zeros((2, 2)), [0.0, np.pi / 2], [8.0, 4.0], np.random.default_rng(0), step=0.01)
    np.testing.assert_allclose(points[:, -1], [[8, 0], [0, 4]], atol=0.02)


def test_scatter_follows_the_density() -> None:
    density = np.zeros((10, 10), np.float32)
    density[2, 3], density[7, 8] = 3, 1
    columns, rows = np.rint(brush.scatter(density, 4000, np.random.default_rng(0))).astype(int).T
    first = (columns == 3) & (rows == 2)
    assert np.all(first | (columns == 8) & (rows == 7))
    assert first.mean() == pytest.approx(0.75, abs=0.03)
    assert brush.scatter(np.zeros((4, 4), np.float32), 5, np.random.default_rng(0)).shape == (0, 2)


@pytest.mark.parametrize("sigma", [0.8, 3.0, 17.0])
def test_blur_is_gaussian(sigma: float) -> None:
    sharp = np.zeros((256, 256), np.float32)
    sharp[100:130, 90:170] = 1
    expected = gaussian_filter(sharp, sigma, mode="mirror")
    np.testing.assert_allclose(brush.blur(sharp, sigma), expected, atol=0.03)


def test_noise_is_standard_and_has_its_grain() -> None:
    values = brush.noise(512, 8, np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=0.1)
    assert values.std() == pytest.approx(1, abs=0.15)
    near, far = (np.corrcoef(values[:, :-lag].ravel(), values[:, lag:].ravel())[0, 1] for lag in (2, 24))
    assert near > 0.7
    assert abs(far) < 0.1
