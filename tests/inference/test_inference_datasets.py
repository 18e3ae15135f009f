"""Which images a dataset is, in the prepared atlas and in a folder."""

import numpy as np
import pandas as pd
import pytest
from small_run import LABELS, save_pictures, save_run

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.inference import describe, find_images
from hpa_lit.stages.folds import split


def found(model, dataset, images, tree):
    name, module = find_images(model, dataset, images, tree.root)
    return name, dict(module.predicted)


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
    assert found(model, "external", None, tree) == ("external", {"e": {}, "i00": {"rgby": path}})


def test_valid_is_the_fold_of_the_run(model, tree):
    expected = {
        "i00": {"rgby": tree.images("external", 40) / "i00.tif"},
        "i02": {"rgby": tree.images("train", 40) / "i02.tif"},
    }
    assert found(model, "valid", None, tree) == ("valid", expected)


def test_valid_of_an_embedder_is_the_antibody_split(tree, tmp_path):
    model = describe(save_run(tmp_path / "face", embedder=True)[0].checkpoint("best"))
    name, files = found(model, "valid", None, tree)
    assert (name, list(files), files["e"]) == ("valid", ["e", "i01"], {})


def test_valid_of_a_folder_is_its_fold_of_the_label_table(tree, tmp_path):
    """Of a run from before there were records."""
    table = tmp_path / "labels.csv"
    targets = ["0", "1", "2"] * 2
    pd.DataFrame({"Id": [f"i{n:02}" for n in range(6)], "Target": targets}).to_csv(table, index=False)
    folder = {"name": "folder", "images": str(tmp_path / "mine"), "labels": str(table), "label_list": LABELS}
    save_pictures(tmp_path / "mine", 5)
    model = describe(save_run(tmp_path / "run", **folder, folds=2)[0].checkpoint("best"))
    rows = split(np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1, 2]], 2)[1][1]
    name, files = found(model, "valid", None, tree)
    assert (name, list(files)) == ("valid", [f"i{row:02}" for row in rows])
    assert all(files[i] == ({"rgby": tmp_path / "mine" / f"{i}.tif"} if i != "i05" else {}) for i in files)
    changed = describe(
        save_run(tmp_path / "other", **{**folder, "label_list": ["a", "b", "c"]}, folds=2)[0].checkpoint("best")
    )
    with pytest.raises(InputError, match="has the labels a, b, c; small was trained on bright, dark, odd"):
        found(changed, "valid", None, tree)


def test_valid_of_a_folder_is_what_its_run_wrote_down(tree, tmp_path):
    save_pictures(tmp_path / "mine", 5)
    folder = {"images": str(tmp_path / "mine"), "labels": "gone.csv", "label_list": LABELS}
    run, _ = save_run(tmp_path / "run", **folder, folds=2)
    run.record.write_text("Id,side,Target\ni00,train,0\ni03,valid,1\ni01,valid,2\ni04,test,0\n")
    model = describe(run.checkpoint("best"))
    for dataset, ids in (("valid", ["i01", "i03"]), ("test", ["i04"])):
        files = {i: {"rgby": tmp_path / "mine" / f"{i}.tif"} for i in ids}
        assert found(model, dataset, None, tree) == (dataset, files)


def test_a_folder_is_all_pictures_in_it(model, tree, tmp_path):
    save_pictures(tmp_path / "mine", 2)
    expected = ("folder-mine", {f"i0{n}": {"rgby": tmp_path / "mine" / f"i0{n}.tif"} for n in range(2)})
    for dataset in (None, "folder"):
        assert found(model, dataset, str(tmp_path / "mine"), tree) == expected


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
        found(model, dataset, images and images.format(tmp=tmp_path), tree)


def test_images_and_folds_that_were_not_prepared(model, tree):
    (tree.images("external", 40) / "i00.tif").unlink()
    tree.images("external", 40).rmdir()
    with pytest.raises(InputError, match=r"stage=resize 'prepare\.sizes=\[40\]'"):
        found(model, "external", None, tree)
    tree.fold("mine", 1, "valid").unlink()
    with pytest.raises(InputError, match=r"there is no fold 1 of split 'mine'.* stage=folds"):
        found(model, "valid", None, tree)
