"""The command embed: features of both kinds of network, in three formats."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import damage, save_pictures, save_run

from hpa_lit import embed
from hpa_lit.data.transforms import ValidTransform
from hpa_lit.files import prediction_file
from hpa_lit.files.tree import RunTree


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Start the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit embed", "trainer=cpu", "workers=0", *words])
        embed.main()

    return start


@pytest.mark.parametrize("embedder", [False, True])
def test_features_are_the_vectors_before_the_last_layer(run, tmp_path, embedder):
    _, net = save_run(tmp_path / "run", embedder=embedder, epoch=45)
    pictures = save_pictures(tmp_path / "mine", 3)
    run("run=run", "epoch=45", "images=mine")
    path = RunTree(Path("run")).features("folder-mine", "epoch_045")
    found = prediction_file.read(path)
    see = ValidTransform(40, None if embedder else 32)
    seen = torch.from_numpy(np.stack([see(planes, 0) for planes in pictures.transpose(0, 3, 1, 2)]))
    with torch.no_grad():
        expected = net.features(seen).numpy()
    np.testing.assert_allclose(found.features[:, 0], expected, atol=1e-4 if embedder else 3e-2)
    assert found.views == ("crop0/default",)
    assert found.probabilities.shape == (3, 1, 0 if embedder else 3)


@pytest.mark.parametrize("suffix", ["npz", "h5ad"])
def test_other_formats_lie_beside_the_prediction_file(run, tmp_path, suffix):
    if suffix == "h5ad":
        pytest.importorskip("anndata")
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 2)
    run("run=run", "images=mine", f"format={suffix}")
    path = RunTree(Path("run")).features("folder-mine", "best")
    assert sorted(other.name for other in path.parent.iterdir()) == sorted([path.name, f"{path.stem}.{suffix}"])
    if suffix == "npz":
        expected = prediction_file.read(path)
        with np.load(path.with_suffix(".npz")) as found:
            np.testing.assert_array_equal(found["feats"], expected.features[:, 0])
            np.testing.assert_allclose(found["probs"], expected.probabilities[:, 0])


def test_failures_are_named_and_the_rest_is_there(run, tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 3)
    damage(tmp_path / "mine" / "i00.tif")
    with pytest.raises(SystemExit, match=r"(?s)^error: 1 of 3 images could not be read.*i00"):
        run("run=run", "images=mine", "out=a.npz", "format=npz")
    with np.load("a.npz") as found:
        assert np.isnan(found["feats"]).any(axis=1).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["format=xlsx"], "format=xlsx: choose parquet, npz or h5ad"),
        (["format=npz", "out=a.parquet"], "does not end in .npz"),
        (["views=full"], "views"),
    ],
)
def test_mistakes_end_with_one_message(run, tmp_path, words, message):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 1)
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        run("run=run", "images=mine", *words)


@pytest.mark.parametrize("suffix", ["parquet", "npz", "h5ad"])
def test_files_of_others_are_not_written_over(run, tmp_path, suffix, capsys):
    if suffix == "h5ad":
        pytest.importorskip("anndata")
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 2)
    words = ("run=run", "images=mine", f"format={suffix}", f"out=mine.{suffix}")
    Path(f"mine.{suffix}").write_text("notes")
    with pytest.raises(SystemExit, match=rf"mine\.{suffix} is there and .*: choose another out"):
        run(*words)
    assert Path(f"mine.{suffix}").read_text() == "notes"
    Path(f"mine.{suffix}").unlink()
    run(*words)
    assert "is there" not in capsys.readouterr().out
    run(*words)
    assert f"mine.{suffix} is there, and is replaced when this is done" in capsys.readouterr().out


def test_features_of_a_folder_are_not_replaced_by_those_of_another_of_its_name(run, tmp_path):
    save_run(tmp_path / "run")
    for place in ("a", "b"):
        save_pictures(tmp_path / place / "tiles", 1)
    run("run=run", "images=a/tiles", "format=npz")
    found = {path: path.read_bytes() for path in Path("run/features").iterdir()}
    assert {path.suffix for path in found} == {".parquet", ".npz"}
    with pytest.raises(SystemExit, match=r"holds answers about .*a/tiles, and these are about .*b/tiles: set out=FILE"):
        run("run=run", "images=b/tiles", "format=npz")
    assert {path: path.read_bytes() for path in Path("run/features").iterdir()} == found
