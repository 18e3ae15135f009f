"""The command neighbours for a person's own images."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_run import damage, save_pictures, save_run

from hpa_lit import embed, neighbours
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import AnswerTree, RunTree
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.results.novelty import distances, left_out


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
    save_pictures(tmp_path / "other", 2, prefix="o")
    save_pictures(tmp_path / "elsewhere" / "mine", 2, prefix="e")
    monkeypatch.setattr(
        sys,
        "argv",
        ["embed", "run=face", "images=data/images/40/external", "out=atlas.parquet", "trainer=cpu", "workers=0"],
    )
    embed.main()

    def start(*words):
        fixed = {"gallery": "atlas.parquet", "trainer": "cpu", "workers": 0, "paths.root": "data", "output": "found"}
        settings = fixed | dict(word.split("=", 1) for word in words)
        monkeypatch.setattr(sys, "argv", ["hpa-lit neighbours", *(f"{key}={value}" for key, value in settings.items())])
        neighbours.main()
        return AnswerTree(tmp_path / str(settings["output"]))

    return start


def test_own_images_find_their_like_in_words_and_pictures(atlas, tmp_path, capsys):
    out = atlas("images=mine", "run=face", "k=2", "sheet=3")
    found = pd.read_csv(out.neighbours)
    assert found.Id.tolist() == ["a", "a", "b", "b", "c", "c", "d", "d"]
    best = found[found["rank"] == 1].set_index("Id")
    assert best.neighbour[:3].tolist() == ["i02", "i05", "i07"]
    assert best.antibody[:3].tolist() == [102, 105, 107]
    assert set(found.locations) == {f"{LABEL_NAMES[0]}, {LABEL_NAMES[23]}"}
    gallery, mine = (prediction_file.read(path).features[:, 0] for path in (tmp_path / "atlas.parquet", out.queries))
    # Twelve images, each left out of a tenth or two, can set a rule of 1 in 13.
    far = left_out(gallery, np.arange(12))
    assert best.novel.tolist() == (distances(mine, gallery) > far.max()).tolist() == [False] * 3 + [True]
    assert best.false_alarms.tolist() == pytest.approx([1 / 13] * 4)
    assert best.p_value["d"] == pytest.approx(1 / 13)
    with Image.open(out.contact_sheet) as sheet:
        width, height = sheet.size
    assert width > 3 * 192
    assert 3 * 192 < height < 4 * 192 + 200
    said = capsys.readouterr().out
    assert "the first 3 images beside their neighbours" in said
    assert (
        "1 of 4 images are novel: unlike all of the gallery, by a rule that calls 7.7% of the gallery's kind so" in said
    )
    assert "set by features and looks of 12 images of the gallery, left out in turn" in said


def test_a_rule_is_set_by_images_that_the_network_was_not_trained_on_or_by_a_file(atlas, tmp_path, capsys):
    sides = ["train"] * 7 + ["valid"] * 5
    pd.DataFrame({"Id": [f"i{n:02}" for n in range(12)], "side": sides, "Target": "1"}).to_csv(
        "face/sides.csv", index=False
    )
    out = atlas("images=mine", "run=face", "false_alarms=0.2")
    assert (
        "set by features and looks of 5 images of the gallery that the network was not trained on"
        in capsys.readouterr().out
    )
    gallery, mine = (prediction_file.read(path).features[:, 0] for path in (tmp_path / "atlas.parquet", out.queries))
    best = pd.read_csv(out.neighbours).query("rank == 1")
    assert best.novel.tolist() == (distances(mine, gallery) > left_out(gallery, np.arange(7, 12)).max()).tolist()
    assert best.false_alarms.tolist() == pytest.approx([1 / 6] * 4)

    atlas("images=mine", "run=face", "output=more")  # five are too few for 0.05: all are taken
    assert "set by features and looks of 12 images of the gallery, left out" in capsys.readouterr().out
    atlas("images=other", "run=face", "held_out=found/queries.parquet", "output=by_file")
    assert (
        "by a rule that calls 20.0% of the gallery's kind so by mistake (set by the features of 4 images of found"
        in capsys.readouterr().out
    )
    with pytest.raises(SystemExit, match="12 queries are in the gallery too"):
        atlas("images=other", "run=face", "held_out=atlas.parquet", "output=refused")


def test_each_folder_has_results_of_its_own_and_takes_none_of_another(atlas, tmp_path):
    for folder in ("mine", "other"):
        atlas(f"images={folder}", "run=face", "output=null")
    before = {path: path.read_bytes() for path in (tmp_path / "outputs/neighbours/mine").iterdir()}
    with pytest.raises(SystemExit, match=r"(?s)set output=DIR .*images: mine there, elsewhere/mine now"):
        atlas("images=elsewhere/mine", "run=face", "output=null")
    assert {path.name for path in (tmp_path / "outputs/neighbours").iterdir()} == {"mine", "other"}
    assert {path: path.read_bytes() for path in (tmp_path / "outputs/neighbours/mine").iterdir()} == before


def test_the_gallery_is_what_embed_wrote_of_the_external_images(atlas, tmp_path):
    with pytest.raises(SystemExit, match=r"make them with hpa-lit embed run=face epoch=best dataset=external"):
        atlas("images=mine", "run=face", "gallery=null")
    features = RunTree(tmp_path / "face").features("external", "best")
    features.parent.mkdir()
    shutil.copy(tmp_path / "atlas.parquet", features)
    assert atlas("images=mine", "run=face", "gallery=null").neighbours.is_file()


@pytest.mark.parametrize(
    ("head", "row", "locations"),
    [("Id,Target", "{},membrane|nucleus", "membrane, nucleus"), ("Id,antibody,Target", "{},HPA1,21", LABEL_NAMES[21])],
)
def test_a_gallery_of_ones_own_has_a_label_table_of_ones_own(atlas, tmp_path, head, row, locations):
    lines = [head, *(row.format(f"i{n:02}") for n in range(12))]
    (tmp_path / "own.csv").write_text("\n".join(lines))
    words = ["paths.root=none", "gallery_table=own.csv"]
    with pytest.raises(
        SystemExit, match="no pictures of the gallery in none/images/40/external: set gallery_images=DIR"
    ):
        atlas("images=mine", "run=face", *words)
    out = atlas("images=mine", "run=face", *words, "gallery_images=data/images/40/external")
    found = pd.read_csv(out.neighbours)
    assert set(found.locations) == {locations}
    assert ("antibody" in found) == ("HPA1" in row)
    assert found.neighbour[::3][:3].tolist() == ["i02", "i05", "i07"]


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


def test_a_picture_that_cannot_be_read_is_named_and_left_out_when_told(atlas, tmp_path):
    damage(tmp_path / "mine" / "b.tif")
    with pytest.raises(SystemExit, match=r"(?s)1 images failed; .*on_failed=drop:\n  b: mine/b.tif"):
        atlas("images=mine", "run=face", "k=1")
    out = atlas("images=mine", "run=face", "k=1", "on_failed=drop")
    assert pd.read_csv(out.neighbours).Id.tolist() == ["a", "c", "d"]


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
        (["images=mine", "run=face", "gallery_images=none"], "no pictures of the gallery in none: set gallery_images"),
        (["images=mine", "run=face", "paths.root=none"], "set paths.root=DIR .*, or gallery_table=FILE"),
        (
            ["images=mine", "run=face", "gallery_table=others.csv"],
            "atlas.parquet lacks 2 images of others.csv: embed them",
        ),
        (["images=mine", "run=face", "gallery=none.parquet"], "no features none.parquet .*hpa-lit embed run=face"),
        (["images=data/images/40/external", "run=face"], "12 queries are in the gallery too"),
        (["images=mine", "run=face", "false_alarms=0"], "false_alarms=0: give a number above 0 and up to 1"),
        (["images=face", "run=face"], "there is no image in face"),
    ],
)
def test_mistakes_end_with_one_message(atlas, tmp_path, words, message):
    save_run(tmp_path / "other", embedder=True, run_name="elsewhere")
    (tmp_path / "others.csv").write_text("Id,Target\nx,1\ny,2\n")
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        atlas(*words)
    assert not (tmp_path / "found").exists()
