"""The rule that calls images novel: its distance, and how often it is mistaken."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from hpa_lit.errors import InputError
from hpa_lit.results.novelty import NoveltyRule, distances, left_out


def test_the_distance_is_mahalanobis_to_the_nearest():
    rng = np.random.default_rng(0)
    gallery = (rng.standard_normal((60, 8)) * np.arange(1, 9) + 5).astype(np.float32)
    query = rng.standard_normal((7, 8)) * 4
    inverse = np.linalg.inv(LedoitWolf().fit(gallery.astype(float)).covariance_)
    expected = cdist(query, gallery, "mahalanobis", VI=inverse).min(axis=1)
    np.testing.assert_allclose(distances(query, gallery), expected)
    np.testing.assert_allclose(distances(gallery[:5], gallery), 0, atol=1e-6)
    assert distances(query[:0], gallery).shape == (0,)


def test_left_out_images_are_not_in_what_they_are_compared_with():
    rng = np.random.default_rng(1)
    gallery = rng.standard_normal((30, 50))  # fewer images than features
    rows = np.arange(3, 30, 2)
    found = left_out(gallery, rows)
    part = rows[[2, 12]]
    np.testing.assert_allclose(found[[2, 12]], distances(gallery[part], np.delete(gallery, part, axis=0)))
    assert found.min() > 1


def test_what_differs_where_the_gallery_does_not_is_far_though_its_cosine_is_high():
    rng = np.random.default_rng(2)
    wide = np.r_[np.full(4, 10.0), np.full(12, 0.1)]
    gallery = rng.standard_normal((300, 16)) * wide
    strange = gallery[:50] + 2 * (wide < 1) * rng.choice([-1, 1], 16)
    cosine = (strange * gallery[:50]).sum(1) / np.linalg.norm(strange, axis=1) / np.linalg.norm(gallery[:50], axis=1)
    assert np.median(cosine) > 0.9
    rule = NoveltyRule(left_out(gallery, np.arange(300))[:, None], 0.05)
    assert rule.novel(distances(strange, gallery)[:, None]).all()
    assert not rule.novel(distances(gallery, gallery)[:, None]).any()


@pytest.mark.parametrize("wanted", [0.05, *(pytest.param(more, marks=pytest.mark.slow) for more in (0.01, 0.2))])
def test_it_is_mistaken_as_often_as_it_says_on_images_that_did_not_set_it(wanted):
    rng = np.random.default_rng(3)
    mixing = rng.standard_normal((24, 24))
    shares = []
    for _ in range(8):
        gallery, others = (rng.standard_t(5, (n, 24)) @ mixing for n in (200, 500))
        ways = slice(0, 16), slice(8, 24)  # two ways that have something in common
        rule = NoveltyRule(np.column_stack([left_out(gallery[:, way], np.arange(200)) for way in ways]), wanted)
        far = np.column_stack([distances(others[:, way], gallery[:, way]) for way in ways])
        shares.append(rule.novel(far).mean())
    assert rule.false_alarms == pytest.approx(wanted, abs=1 / 201)
    assert np.mean(shares) == pytest.approx(rule.false_alarms, rel=0.35)


@pytest.mark.parametrize(("count", "share"), [(199, 10 / 200), (200, 10 / 201), (19, 1 / 20), (12, 1 / 13), (1, 1 / 2)])
def test_few_images_set_no_smaller_rate_than_they_can(count, share):
    rule = NoveltyRule(np.arange(float(count))[:, None], 0.05)
    assert rule.false_alarms == share
    probes = np.arange(-0.5, count + 0.5)[:, None]  # one between any two, as a further image of the kind would lie
    assert rule.novel(probes).mean() == pytest.approx(share)
    assert (rule.novel(probes) == (rule.p_values(probes) <= share + 1e-12)).all()
    assert rule.p_values([[-1.0], [count]]).tolist() == pytest.approx([1, 1 / (count + 1)])


def test_an_image_is_as_far_off_as_in_the_way_in_which_it_passes_most():
    held_out = np.column_stack([[1.0, 2, 3, 4], [40, 30, 20, 10]])  # passed: 3, 2, 2, 3 of the others
    rule = NoveltyRule(held_out, 0.2)
    far = [[0, 0], [1.5, 0], [2.5, 15], [5, 0], [0, 50], [5, 50]]  # passes 0, 1, 2, 4, 4, 4
    assert rule.p_values(far).tolist() == [1, 1, 1, 0.2, 0.2, 0.2]
    assert rule.novel(far).tolist() == [False, False, False, True, True, True]
    assert rule.p_values([[3.5, 0]]).tolist() == [0.6]  # passes 3, as two of the held-out images do


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        (np.eye(2, 5), np.eye(4), "queries have 5 features and the gallery 4"),
        (np.eye(4), np.ones((3, 4)), "the 3 images of the gallery do not differ"),
        (np.eye(4), np.ones((1, 4)), "the 1 images of the gallery do not differ"),
        (np.full((1, 4), np.nan), np.eye(4), "query features have a NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(query, gallery, message):
    with pytest.raises(InputError, match=message):
        distances(query, gallery)
