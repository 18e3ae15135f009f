"""Predictions in other formats, read by the libraries they are for."""

from dataclasses import replace

import numpy as np
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.inference import check_format, export, refuse_failed


def predictions(views=1, features=True):
    rng = np.random.default_rng(0)
    probabilities, vectors = rng.random((3, views, 2), np.float32), rng.random((3, views, 4), np.float32)
    probabilities[1], vectors[1] = np.nan, np.nan
    return Predictions(
        ids=("a", "b", "c"),
        status=("ok", "b.tif is cut short", "ok"),
        views=tuple(f"crop{n}/default" for n in range(views)),
        labels=("Golgi apparatus", "mine, too"),
        probabilities=probabilities,
        run="small",
        fold=None,
        dataset="folder-x",
        checkpoint="best.ckpt",
        features=vectors if features else None,
    )


def test_npz(tmp_path):
    made = predictions()
    export(tmp_path / "a.npz", made)
    with np.load(tmp_path / "a.npz") as found:
        assert found["ids"].tolist() == ["a", "b", "c"]
        assert found["status"].tolist() == list(made.status)
        np.testing.assert_array_equal(found["feats"], made.features[:, 0])
        np.testing.assert_array_equal(found["probs"], made.probabilities[:, 0])


def test_h5ad(tmp_path):
    anndata = pytest.importorskip("anndata")
    made = predictions()
    export(tmp_path / "a.h5ad", made)
    found = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert found.obs_names.tolist() == ["a", "c"]
    np.testing.assert_array_equal(found.X, made.features[[0, 2], 0])
    np.testing.assert_array_equal(found.obsm["probabilities"], made.probabilities[[0, 2], 0])
    top = np.take(made.labels, made.probabilities[[0, 2], 0].argmax(axis=1))
    assert found.obs["location"].tolist() == top.tolist()
    assert all(name in words for name, words in zip(top, found.obs["locations"], strict=True))
    assert found.uns["labels"].tolist() == list(made.labels)
    assert found.uns["failed"].tolist() == ["b: b.tif is cut short"]
    assert found.uns["run"] == "small"


def test_h5ad_of_an_embedder_and_of_failures_alone(tmp_path):
    anndata = pytest.importorskip("anndata")
    made = predictions()
    export(tmp_path / "e.h5ad", replace(made, labels=(), probabilities=made.probabilities[:, :, :0]))
    found = anndata.read_h5ad(tmp_path / "e.h5ad")
    assert (found.shape, found.obs.columns.tolist(), len(found.uns["labels"])) == ((2, 4), [], 0)
    export(tmp_path / "f.h5ad", made.take([1]))
    assert anndata.read_h5ad(tmp_path / "f.h5ad").shape == (0, 4)


def test_what_a_format_cannot_hold(tmp_path):
    for made in (predictions(views=2), predictions(features=False)):
        with pytest.raises(InputError, match="holds one view with features"):
            export(tmp_path / "a.npz", made)
    with pytest.raises(InputError, match="no format xlsx; there are parquet, npz, h5ad"):
        check_format("xlsx")


def test_h5ad_without_anndata(monkeypatch):
    monkeypatch.setattr("hpa_lit.inference.formats.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'hpa-lit\[portable\]'"):
        check_format("h5ad")


def test_failures_are_named(tmp_path):
    with pytest.raises(InputError, match=r"(?s)1 of 3 images could not be read.*  b: b\.tif is cut short"):
        refuse_failed(predictions(), tmp_path)
    refuse_failed(predictions().take([0, 2]), tmp_path)
