"""The command neighbours for a person's own images."""

import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_run import save_pictures, save_run

from hpa_lit import embed, neighbours
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.tree import AnswerTree, DataTree
from hpa_lit.labels import LABEL_NAMES


@pytest.fixture
def atlas(tmp_path, monkeypatch):
    """Twelve atlas images, their labels and their features; four own, three of them near i02, i05 and i07."""
    monkeypatch.chdir(tmp_path)
    data = DataTree(tmp_path / "data")
    save_run(tmp_path / "face", embedder=True)
    pictures = save_pictures(data.images("external", 40), 12)
    table = {"Id": [f"i{n:02}" for n in range(12)], "Target": ["0 23"] * 12}
    table |= {"antibody": np.arange(100, 112), "antibody_code": np.arange(12)}
    data.corrected.parent.mkdir(parents=True)
    pd.DataFrame(table).to_parquet(data.corrected)
    rng = np.random.default_rng(1)
    for name, row in (("a", 2), ("b", 5), ("c", 7)):
        noisy = np.clip(pictures[row] + rng.integers(-2, 3, (40, 40, 4)), 0, 255).astype(np.uint8)
        rgby.write(tmp_path / "mine" / f"{name}.tif", noisy, name)
    rgby.write(tmp_path / "mine" / "d.tif", rng.integers(0, 2, (40, 40, 4), np.uint8) * 255, "d")
    monkeypatch.setattr(
        sys,
        "argv",
        ["embed", "run=face", "images=data/images/40/external", "out=atlas.parquet", "trainer=cpu", "workers=0"],
    )
    embed.main()

    def start(*words):
        fixed = ["gallery=atlas.parquet", "trainer=cpu", "workers=0", "paths.root=data", "output=found"]
        monkeypatch.setattr(sys, "argv", ["hpa-lit neighbours", *fixed, *words])
        neighbours.main()
        return AnswerTree(tmp_path / "found")

    return start


def test_own_images_find_their_like_in_words_and_pictures(atlas, capsys):
    out = atlas("images=mine", "run=face", "k=2", "sheet=3")
    found = pd.read_csv(out.neighbours)
    assert found.Id.tolist() == ["a", "a", "b", "b", "c", "c", "d", "d"]
    best = found[found["rank"] == 1].set_index("Id")
    assert best.neighbour[:3].tolist() == ["i02", "i05", "i07"]
    assert best.antibody[:3].tolist() == [102, 105, 107]
    assert set(found.locations) == {f"{LABEL_NAMES[0]}, {LABEL_NAMES[23]}"}
    features = prediction_file.read(out.folder.parent / "atlas.parquet").features[:, 0].astype(np.float64)
    standard = (features - features.mean(0)) / np.where(features.std(0) > 0, features.std(0), 1)
    unit = standard / np.linalg.norm(standard, axis=1, keepdims=True)
    cosine = unit @ unit.T - 2 * np.eye(12)
    threshold = np.quantile(cosine.max(axis=1), 0.01)
    assert best.novel.tolist() == (best.score < threshold).tolist()
    assert best.novel.tolist()[:3] == [False] * 3
    with Image.open(out.contact_sheet) as sheet:
        width, height = sheet.size
    assert width > 3 * 192
    assert 3 * 192 < height < 4 * 192 + 200
    assert "the first 3 images beside their neighbours" in capsys.readouterr().out


def test_the_folder_is_claimed_before_the_images_are_embedded(atlas):
    out = atlas("images=mine", "run=face", "k=2")
    features = out.queries.stat().st_mtime_ns
    with pytest.raises(SystemExit, match=r"(?s)made with another config; set output=DIR .*  k: 2 there, 3 now$"):
        atlas("images=mine", "run=face", "k=3")
    assert out.queries.stat().st_mtime_ns == features
    atlas("images=mine", "run=face", "k=2", "batch_size=3")  # how it runs is free
    assert out.queries.stat().st_mtime_ns > features


def test_a_missing_gallery_picture_is_no_obstacle(atlas, tmp_path):
    DataTree(tmp_path / "data").images("external", 40).joinpath("i02.tif").unlink()
    assert atlas("images=mine", "run=face").contact_sheet.is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say whose neighbours"),
        (["images=mine", "queries=atlas.parquet"], "say whose neighbours"),
        (["images=mine"], "say which model"),
        (["images=mine", "run=face", "epoch=3"], "has no checkpoint epoch_003"),
        (
            ["images=mine", "run=other"],
            "atlas.parquet was made by small best, and the images would be by elsewhere best",
        ),
        (["images=mine", "run=face", "gallery_images=none"], "there is no image folder none"),
        (["images=face", "run=face"], "there is no image in face"),
    ],
)
def test_mistakes_end_with_one_message(atlas, tmp_path, words, message):
    save_run(tmp_path / "other", embedder=True, run_name="elsewhere")
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        atlas(*words)
    assert not (tmp_path / "found" / "neighbours.csv").exists()
