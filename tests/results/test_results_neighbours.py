"""Nearest neighbours against the reference and the whole matrix in double precision."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hpa_lit.results import neighbours


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "retrieval.npz")


@pytest.fixture(scope="module")
def found(arrays):
    return neighbours.match(arrays["query_features"], arrays["gallery_features"], k=3)


def whole_matrix(query, gallery):
    def units(features):
        deviation = features.std(axis=0)
        standard = (features - features.mean(axis=0)) / np.where(deviation < 1e-12, 1, deviation)
        return standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)

    return units(query.astype(float)) @ units(gallery.astype(float)).T


@pytest.mark.parametrize("case", ["val", "test"])
def test_three_nearest_equal_the_reference(found, arrays, golden, case):
    expected = pd.read_csv(golden / f"retrieval_{case}_top3.csv").set_index("Id").loc[arrays["query_ids"]]
    rows, scores = found
    assert arrays["gallery_ids"][rows].tolist() == expected[["top1", "top2", "top3"]].to_numpy().tolist()
    np.testing.assert_allclose(scores, expected[["top1_score", "top2_score", "top3_score"]], atol=1e-6)
    assert rows[:, 0].tolist() == arrays["cosine_row_argmax"].tolist()
    np.testing.assert_allclose(scores[:, 0], arrays["cosine_row_max"], atol=1e-6)


@pytest.mark.parametrize(("case", "meta"), [("val", "val_meta"), ("test", "test_leak_meta")])
def test_threshold_table_equals_the_reference(found, arrays, golden, case, meta):
    rows, scores = found
    gallery = pd.read_csv(golden / "retrieval_gallery_meta.csv").set_index("Id").loc[arrays["gallery_ids"]]
    best = gallery.iloc[rows[:, 0]]
    known = pd.read_csv(golden / f"retrieval_{meta}.csv").set_index("Id").reindex(arrays["query_ids"])
    same, equal = (known[name].to_numpy() == best[name].to_numpy() for name in ("antibody_code", "Target"))
    table = neighbours.threshold_table(scores[:, 0], same, equal)
    expected = pd.DataFrame(json.loads((golden / "retrieval.json").read_text())[case]["thresholds"])
    assert len(table) == 21
    assert table.threshold.tolist() == expected.threshold.astype(float).tolist()
    assert table.matched.tolist() == expected["count"].tolist()
    assert table.same_antibody.tolist() == expected.match_num.tolist()
    assert table.correct.tolist() == expected.correct_num.tolist()
    np.testing.assert_allclose(table[["precision", "recall", "f1"]], expected[["acc", "recall", "f1"]], atol=1e-10)


@pytest.mark.parametrize("k", [1, 5, 40, 1000])
def test_equals_the_whole_matrix(k):
    rng = np.random.default_rng(k)
    query, gallery = rng.standard_normal((1100, 32)), rng.standard_normal((1000, 32))  # several chunks, uneven blocks
    query, gallery = query.astype(np.float32), gallery.astype(np.float32)
    gallery[:, 3] = 7.1  # constant: centred only
    cosine = whole_matrix(query, gallery)
    rows, scores = neighbours.match(query, gallery, k)
    np.testing.assert_allclose(scores, -np.sort(-cosine, axis=1)[:, :k], atol=1e-6)
    assert rows.tolist() == np.argsort(-cosine, axis=1, kind="stable")[:, :k].tolist()
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)


def test_equal_images_come_in_gallery_order():
    rng = np.random.default_rng(0)
    few = rng.standard_normal((10, 17)).astype(np.float32)
    gallery = np.tile(few, (300, 1))  # every image 300 times
    rows, scores = neighbours.match(few, gallery, 100, standardise="gallery")
    assert rows.tolist() == [list(range(first, first + 1000, 10)) for first in range(10)]
    np.testing.assert_allclose(scores, 1, atol=1e-6)


def test_arguments_stay_as_they_are(arrays):
    query, gallery = arrays["query_features"].copy(), arrays["gallery_features"].copy()
    neighbours.match(query, gallery)
    assert (query == arrays["query_features"]).all()
    assert (gallery == arrays["gallery_features"]).all()


def test_queries_that_do_not_differ_are_like_nothing():
    gallery = np.random.default_rng(0).standard_normal((70, 8))
    rows, scores = neighbours.match(np.full((3, 8), 0.1), gallery, 2)
    assert scores.tolist() == [[0, 0]] * 3
    assert rows.tolist() == [[0, 1]] * 3


def test_one_query_finds_itself_by_the_gallery_statistics():
    gallery = np.random.default_rng(0).standard_normal((70, 8)) * 5 + 3
    rows, scores = neighbours.match(gallery[[41]], gallery, 1, standardise="gallery")
    assert (rows[0, 0], scores[0, 0]) == (41, pytest.approx(1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_gives_the_same_rows(arrays, found):
    rows, scores = neighbours.match(arrays["query_features"], arrays["gallery_features"], device="cuda")
    assert rows.tolist() == found[0].tolist()
    np.testing.assert_allclose(scores, found[1], atol=1e-6)


def test_neighbours_in_words():
    gallery = pd.DataFrame({"Id": ["g0", "g1", "g2"], "Target": ["0", "1", "2"]})
    table = neighbours.neighbour_table(["q"], np.array([[2, 0]]), np.array([[0.9, 0.5]], np.float32), gallery)
    assert table.columns.tolist() == ["Id", "rank", "score", "neighbour", "Target"]
    assert table.drop(columns="score").to_numpy().tolist() == [["q", 1, "g2", "2"], ["q", 2, "g0", "0"]]


def test_the_threshold_is_the_lowest_that_is_precise_enough():
    scores, equal = [0.9, 0.8, 0.7, 0.7, 0.6, 0.5], [True, True, False, True, True, False]
    choose = neighbours.choose_threshold
    assert choose(scores, equal, 0.8) == 0.5  # four of five above it
    assert choose(scores, equal, 0.9) == 0.7  # two of two; the scores of 0.7 are taken together, three of four
    assert choose(scores, equal, 0.75) == 0.5
    assert choose(scores, equal, 0.6) == -1
    assert choose([0.9, 0.8], [False, True], 0.8) == float("inf")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q, g: neighbours.match(q[:, :3], g), "queries have 3 features and the gallery 4"),
        (lambda q, g: neighbours.match(np.where(q > 1, np.nan, q), g), "query features have a NaN"),
        (lambda q, g: neighbours.match(q, np.where(g > 1, np.inf, g)), "gallery features have a NaN or infinity"),
        (lambda q, g: neighbours.match(q, g[:2], 3), "gallery of 2 images"),
        (lambda q, g: neighbours.match(q, g, 0), "choose 1 to"),
        (lambda q, g: neighbours.match(q[0], g), "expected 2 dimensions"),
        (lambda q, g: neighbours.refuse_shared(["a", "b"], ["b"]), "in the gallery too.*\n  b"),
    ],
)
def test_bad_input_is_named(call, message):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        call(rng.standard_normal((9, 4)), rng.standard_normal((9, 4)))
