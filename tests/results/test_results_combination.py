"""Which prediction files belong together, and what happens when they do not."""

from dataclasses import replace

import numpy as np
import pytest

from hpa_lit.files.prediction_file import Predictions, write
from hpa_lit.results.combination import combine
from hpa_lit.results.files import read_features, read_single


def predicted(seed, ids="abc", run="r", fold=0, dataset="test", views=("v0", "v1")):
    shape = (len(ids), len(views), 3)
    values = np.random.default_rng(seed).random(shape).astype(np.float32)
    status = ("ok",) * len(ids)
    return Predictions(tuple(ids), status, views, ("A", "B", "C"), values, run, fold, dataset, f"{seed}.ckpt", values)


def failing(file, image_id):
    row = file.ids.index(image_id)
    probabilities = file.probabilities.copy()
    probabilities[row] = np.nan
    status = tuple("cut short" if i == image_id else s for i, s in zip(file.ids, file.status, strict=True))
    return replace(file, probabilities=probabilities, status=status, features=probabilities)


def test_views_then_models_and_folds():
    files = {"x": predicted(0), "y": predicted(1, fold=1), "z": predicted(2, run="s", fold=None)}
    found = combine(files, weights=[1, 1, 2])
    x, y, z = (file.probabilities.max(axis=1) for file in files.values())
    np.testing.assert_allclose(found.probabilities[:, 0], (x + y + 2 * z) / 4, atol=1e-6)
    assert (found.ids, found.views, found.fold, found.run) == (("a", "b", "c"), ("all",), None, "r, s")
    assert found.features is None


def test_validation_files_are_averaged_in_a_fold_and_stacked_over_folds():
    files = {
        "r0": predicted(0, "ad", dataset="valid"),
        "r1": predicted(1, "bc", dataset="valid", fold=1),
        "s0": predicted(2, "ad", dataset="valid", run="s"),
        "s1": predicted(3, "bc", dataset="valid", run="s", fold=1),
    }
    found = combine(files, views="mean", weights=[1, 1, 3, 1])
    means = {name: file.probabilities.mean(axis=1) for name, file in files.items()}
    fold0, fold1 = (means["r0"] + 3 * means["s0"]) / 4, (means["r1"] + means["s1"]) / 2
    assert found.ids == tuple("abcd")
    np.testing.assert_allclose(found.probabilities[:, 0], [fold0[0], fold1[0], fold1[1], fold0[1]], atol=1e-6)


def test_a_failed_image_is_refused_or_dropped_with_its_pairs():
    files = {"x": failing(predicted(0), "b"), "y": predicted(1, fold=1)}
    with pytest.raises(ValueError, match=r"on_failed=drop:\n  b: cut short \(x\)"):
        combine(files)
    found = combine(files, pairs=[("a", "b"), ("a", "c")], on_failed="drop")
    assert found.ids == ("a", "c")
    np.testing.assert_allclose(found.probabilities[0], found.probabilities[1])


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {}, "no prediction file"),
        (
            {"x": predicted(0), "y": replace(predicted(0, fold=1), labels=("A", "B", "D"))},
            {},
            "x and y differ in labels",
        ),
        ({"x": predicted(0), "y": predicted(0, dataset="valid", fold=1)}, {}, "differ in dataset"),
        ({"x": predicted(0), "y": predicted(0, "abd", fold=1)}, {}, "2 Ids:\n  c is only in x\n  d is only in y"),
        ({"x": predicted(0), "y": predicted(1)}, {}, "x and y are both fold 0 of run r"),
        ({"x": predicted(0)}, {"folds": [0, 1]}, "run r lacks fold 1"),
        ({"x": predicted(0, fold=2)}, {"folds": [0]}, r"lacks fold 0\n  run r brings fold 2"),
        ({"x": predicted(0), "y": predicted(1, fold=1), "z": predicted(2, run="s")}, {}, "run s lacks fold 1"),
        ({"x": predicted(0), "y": predicted(1, fold=1, views=("v0",))}, {}, "other views in one fold"),
        ({"x": predicted(0)}, {"weights": [1, 2]}, "2 weights for 1"),
        ({"x": predicted(0)}, {"on_failed": "skip"}, "error or drop"),
        ({"x": predicted(0)}, {"pairs": [("a", "nobody")]}, "nobody"),
    ],
)
def test_bad_input_is_named(files, options, message):
    with pytest.raises(ValueError, match=message):
        combine(files, **options)


def test_later_steps_take_one_view(tmp_path):
    path = tmp_path / "p.parquet"
    write(path, predicted(0))
    with pytest.raises(ValueError, match=r"p\.parquet has 2 views.*combine"):
        read_single(path, "error")
    write(path, failing(predicted(0, views=("v",)), "b"))
    with pytest.raises(ValueError, match="b: cut short"):
        read_single(path, "error")
    assert read_single(path, "drop").ids == ("a", "c")


def test_features_come_in_the_order_asked_for(tmp_path):
    path, file = tmp_path / "p.parquet", predicted(0, views=("v",))
    write(path, file)
    ids, features = read_features(path, "error", ["c", "a"])
    assert ids == ["c", "a"]
    np.testing.assert_array_equal(features, file.features[[2, 0], 0])
    with pytest.raises(ValueError, match="lacks 1 images:\n  nobody"):
        read_features(path, "error", ["nobody", "a"])
    write(path, failing(file, "b"))
    assert read_features(path, "drop", ["c", "b"])[0] == ["c"]
    assert read_features(path, "drop")[0] == ["a", "c"]
    with pytest.raises(ValueError, match="nobody"):  # absent, which is not failed
        read_features(path, "drop", ["nobody", "c"])
    write(path, replace(file, features=None))
    with pytest.raises(ValueError, match="no features"):
        read_features(path, "error")
