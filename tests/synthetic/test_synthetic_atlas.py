import hashlib
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.synthetic import draw_atlas

SHARED_COLUMNS = ["Extra", "Test", "SimR", "SimG", "SimB", "Target", "Target_noisey"]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> DataTree:
    tree = DataTree(tmp_path_factory.mktemp("atlas"))
    draw_atlas(tree, fields=40, duplicates=1, size=160, files="both", workers=2)
    return tree


def external_files(tree: DataTree, image_id: str) -> rgby.ImageFiles:
    return {color: tree.site_image(image_id, color) for color in rgby.COLORS}


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def distances(images: list[rgby.Pixels]) -> np.ndarray:
    """Largest of the three Hamming distances of ImageHash's hashes of red, green and blue, shape (N, N)."""
    bits = np.array([[imagehash.phash(Image.fromarray(im[:, :, k])).hash.ravel() for k in range(3)] for im in images])
    return np.max([(bits[:, None, k] != bits[None, :, k]).sum(axis=2) for k in range(3)], axis=0)


def matches(tree: DataTree, at_most: int) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Pairs of images whose three hashes are within `at_most` bits, and those that were planted."""
    images = {i: rgby.read(f) for s in ("train", "test") for i, f in rgby.list_images(tree.raw_images(s)).items()}
    images |= {i: rgby.read(external_files(tree, i)) for i in pd.read_csv(tree.external_csv)["Id"]}
    ids = list(images)
    near = distances(list(images.values())) <= at_most
    found = {frozenset((ids[a], ids[b])) for a, b in np.argwhere(np.triu(near, 1))}
    planted = pd.read_csv(tree.planted)
    return found, {frozenset(pair) for pair in planted[["query", "gallery"]].itertuples(index=False)}


def test_the_layout_is_that_of_the_downloads(atlas: DataTree) -> None:
    train, external = (pd.read_csv(path, dtype=str) for path in (atlas.train_csv, atlas.external_csv))
    submission, truth = pd.read_csv(atlas.sample_submission), pd.read_csv(atlas.test_truth)
    assert list(train.columns) == list(external.columns) == list(truth.columns) == ["Id", "Target"]
    assert list(submission.columns) == ["Id", "Predicted"]
    for ids, image_set in ((train["Id"], "train"), (submission["Id"], "test")):
        names = {f"{i}_{color}.{suffix}" for i in ids for color in rgby.COLORS for suffix in ("png", "tif")}
        assert {path.name for path in atlas.raw_images(image_set).iterdir()} == names
    assert list(truth["Id"]) == list(submission["Id"])
    on_site = {path for path in atlas.site.rglob("*") if path.is_file()}
    assert on_site == {path for i in external["Id"] for path in external_files(atlas, i).values()}
    antibody, rest = external["Id"][0].split("_", 1)
    assert (atlas.root / "site" / "images" / antibody / f"{rest}_yellow.jpg").is_file()
    assert list(pd.read_csv(atlas.leak_csv).columns) == SHARED_COLUMNS


def test_pngs_and_tiffs_hold_the_same_gray_planes(atlas: DataTree) -> None:
    image_id = pd.read_csv(atlas.train_csv)["Id"][0]
    for color in rgby.COLORS:
        stem = atlas.raw_images("train") / f"{image_id}_{color}"
        with Image.open(stem.with_suffix(".png")) as png, Image.open(stem.with_suffix(".tif")) as tif:
            assert png.mode == tif.mode == "L"
            np.testing.assert_array_equal(np.asarray(png), np.asarray(tif))


def test_jpegs_are_colored(atlas: DataTree) -> None:
    image_id = pd.read_csv(atlas.external_csv)["Id"][0]
    lit = {"red": [0], "green": [1], "blue": [2], "yellow": [0, 1]}
    for color, path in external_files(atlas, image_id).items():
        with Image.open(path) as picture:
            means = np.asarray(picture, float).mean(axis=(0, 1))
        assert picture.mode == "RGB"
        dark = [channel for channel in range(3) if channel not in lit[color]]
        assert means[dark].max() < 0.4 * means[lit[color]].min()
        assert np.ptp(means[lit[color]]) < 1


def test_the_leak_list_tells_distances_and_labels(atlas: DataTree) -> None:
    leak = pd.read_csv(atlas.leak_csv, dtype={"Target": str})
    truth = pd.read_csv(atlas.test_truth, dtype=str).set_index("Id")["Target"]
    external = pd.read_csv(atlas.external_csv, dtype=str).set_index("Id")["Target"]
    assert len(leak) == 1
    assert leak["Extra"].str.match(r"ENSG\d{11}_").all()
    twins = leak["Extra"].str.split("_", n=1).str[1]
    assert list(truth[leak["Test"]]) == list(external[twins]) == list(leak["Target"])
    assert leak[["SimR", "SimG", "SimB"]].to_numpy().max() <= 12


def test_planted_duplicates_and_nothing_else_match(atlas: DataTree) -> None:
    found, planted = matches(atlas, at_most=12)
    assert found == planted


def test_any_number_of_workers_draws_the_same_files(tmp_path: Path) -> None:
    for workers in (1, 2):
        draw_atlas(DataTree(tmp_path / str(workers)), fields=20, duplicates=1, size=64, workers=workers)
    once = digests(tmp_path / "1")
    assert once == digests(tmp_path / "2")
    draw_atlas(DataTree(tmp_path / "other"), fields=20, duplicates=1, size=64, seed=1, workers=1)
    assert not set(once.values()) & set(digests(tmp_path / "other").values())


def test_a_larger_size_is_brought_to_512_in_pngs_alone(tmp_path: Path) -> None:
    tree = DataTree(tmp_path)
    draw_atlas(tree, fields=20, duplicates=1, size=640, files="both", workers=2)
    image_id, external_id = pd.read_csv(tree.train_csv)["Id"][0], pd.read_csv(tree.external_csv)["Id"][0]
    assert rgby.size(tree.raw_images("train") / f"{image_id}_red.png") == (512, 512)
    assert rgby.size(tree.raw_images("train") / f"{image_id}_red.tif") == (640, 640)
    assert rgby.size(tree.site_image(external_id, "red")) == (640, 640)


def test_other_peoples_downloads_are_left_alone(atlas: DataTree, tmp_path: Path) -> None:
    real = DataTree(tmp_path)
    real.train_csv.parent.mkdir()
    real.train_csv.write_text("Id,Target\na,0\n")
    with pytest.raises(InputError, match="was not drawn here"):
        draw_atlas(real, fields=20, duplicates=1, size=64)
    assert real.train_csv.read_text() == "Id,Target\na,0\n"
    with pytest.raises(InputError, match="drawn with other settings"):
        draw_atlas(atlas, fields=40, duplicates=1, size=160, files="both", seed=1)


@pytest.mark.slow
def test_planted_duplicates_and_nothing_else_match_among_300(tmp_path: Path) -> None:
    tree = DataTree(tmp_path)
    draw_atlas(tree)
    found, planted = matches(tree, at_most=12)
    assert len(planted) == 24
    assert found == planted
    # Not by a hair either way.
    assert matches(tree, at_most=8)[0] == matches(tree, at_most=16)[0] == planted
