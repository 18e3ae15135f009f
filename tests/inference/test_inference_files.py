"""Which images a dataset is, in the prepared atlas and in a folder."""

import numpy as np
import pandas as pd
import pytest
from small_run import LABELS, save_pictures, save_run

from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree
from hpa_lit.inference import describe, find_files


def no_split(labels, folds):
    raise AssertionError("only a run on a folder needs folds")


@pytest.fixture
def model(tmp_path):
    return describe(save_run(tmp_path / "run")[0].checkpoint("best"))


@pytest.fixture
def tree(tmp_path):
    """Train has i00 to i02, external i00 and e, of which e has no picture."""
    tree = DataTree(tmp_path / "data")
    save_pictures(tree.images("train", 40), 3)
    save_pictures(tree.images("external", 40), 1)
    for path, ids, external in (
        (tree.metadata("external"), ["i00", "e"], True),
        (tree.fold("mine", 1, "valid"), ["i02", "i00"], [False, True]),
        (tree.antibody_split("after", "valid"), ["e", "i01"], [True, False]),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"Id": ids, "Target": "0", "External": external, "antibody_code": 0}).to_parquet(path)
    return tree


def test_a_set_is_all_that_its_table_lists(model, tree):
    path = tree.images("external", 40) / "i00.tif"
    assert find_files(model, "external", None, tree, no_split) == ("external", {"e": {}, "i00": {"rgby": path}})


def test_valid_is_the_fold_of_the_run(model, tree):
    expected = {
        "i00": {"rgby": tree.images("external", 40) / "i00.tif"},
        "i02": {"rgby": tree.images("train", 40) / "i02.tif"},
    }
    assert find_files(model, "valid", None, tree, no_split) == ("valid", expected)


def test_valid_of_an_embedder_is_the_antibody_split(tree, tmp_path):
    model = describe(save_run(tmp_path / "face", embedder=True)[0].checkpoint("best"))
    name, files = find_files(model, "valid", None, tree, no_split)
    assert (name, list(files), files["e"]) == ("valid", ["e", "i01"], {})


def test_valid_of_a_folder_is_its_fold_of_the_label_table(tree, tmp_path):
    table = tmp_path / "labels.csv"
    pd.DataFrame({"Id": [f"i{n:02}" for n in range(6)], "Target": ["0", "1", "2"] * 2}).to_csv(table, index=False)
    folder = {"name": "folder", "images": str(tmp_path / "mine"), "labels": str(table), "label_list": LABELS}
    save_pictures(tmp_path / "mine", 5)
    model = describe(save_run(tmp_path / "run", **folder, folds=2)[0].checkpoint("best"))

    def split(labels, folds):
        assert (labels.argmax(1).tolist(), folds) == ([0, 1, 2, 0, 1, 2], 2)
        return [(None, None), (None, np.array([1, 5]))]

    found = {"i01": {"rgby": tmp_path / "mine" / "i01.tif"}, "i05": {}}
    assert find_files(model, "valid", None, tree, split) == ("valid", found)
    changed = describe(
        save_run(tmp_path / "other", **{**folder, "label_list": ["a", "b", "c"]}, folds=2)[0].checkpoint("best")
    )
    with pytest.raises(InputError, match="has the labels a, b, c; small was trained on bright, dark, odd"):
        find_files(changed, "valid", None, tree, split)


def test_a_folder_is_all_pictures_in_it(model, tree, tmp_path):
    save_pictures(tmp_path / "mine", 2)
    expected = ("folder-mine", {f"i0{n}": {"rgby": tmp_path / "mine" / f"i0{n}.tif"} for n in range(2)})
    for dataset in (None, "folder"):
        assert find_files(model, dataset, str(tmp_path / "mine"), tree, no_split) == expected


@pytest.mark.parametrize(
    ("dataset", "images", "message"),
    [
        (None, None, "dataset=null: choose test, external, train or valid, or set images=FOLDER alone"),
        ("tests", None, "dataset=tests: choose test"),
        ("folder", None, "dataset=folder needs images"),
        ("test", "x", "leave images out"),
        (None, "{tmp}/none", "there is no image folder"),
        (None, "{tmp}", "there is no image in .*: expected <Id>.tif of four channels"),
        ("test", None, r"test\.parquet; run python -m hpa_lit.prepare stage=metadata"),
    ],
)
def test_what_is_not_there(model, tree, tmp_path, dataset, images, message):
    with pytest.raises(InputError, match=message):
        find_files(model, dataset, images and images.format(tmp=tmp_path), tree, no_split)


def test_images_and_folds_that_were_not_prepared(model, tree):
    (tree.images("external", 40) / "i00.tif").unlink()
    tree.images("external", 40).rmdir()
    with pytest.raises(InputError, match=r"stage=resize 'prepare\.sizes=\[40\]'"):
        find_files(model, "external", None, tree, no_split)
    tree.fold("mine", 1, "valid").unlink()
    with pytest.raises(InputError, match=r"there is no fold 1 of split 'mine'.* stage=folds"):
        find_files(model, "valid", None, tree, no_split)
