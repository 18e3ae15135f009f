"""The prepared atlas in Lightning, without Hydra and with somebody else's LightningModule."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from own_module import CROP, SIDE, OwnModule, draw, joined, make_trainer
from small_run import damage

from hpa_lit.data import AtlasDataModule
from hpa_lit.data.record import write_record
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.labels import LABEL_NAMES, encode_all
from hpa_lit.stages import antibody_splits, folds, metadata, tables

TRAIN = [f"t{row:02}" for row in range(20)]
TEST = [f"s{row}" for row in range(5)]
EXTERNAL = [f"{100 + row // 5}_7_A1_{row}" for row in range(20)]  # of four antibodies
TWINS = ("t03", EXTERNAL[7])  # of one field, with different labels


def prepare(root):
    """A prepared atlas of small pictures; gives those by set and Id."""
    tree = DataTree(root)
    names = {"train": TRAIN, "test": TEST, "external": EXTERNAL}
    pictures = {image_set: draw(tree.images(image_set, SIDE), ids) for image_set, ids in names.items()}
    for path, ids in ((tree.train_csv, TRAIN), (tree.external_csv, EXTERNAL)):
        path.parent.mkdir(exist_ok=True)
        targets = [f"{row % 3} {20 + row % 4}" for row in range(len(ids))]
        pd.DataFrame({"Id": ids, "Target": targets}).to_csv(path, index=False)
    pd.DataFrame({"Id": TEST, "Predicted": 0}).to_csv(tree.sample_submission, index=False)
    metadata.run(tree, ["train", "test", "external"])
    tables.write(tree.matches, pd.DataFrame([TWINS], columns=["Train", "Extra"]))
    folds.run(tree, 5, 100)
    antibody_splits.run(tree, 1000, 100)
    return pictures


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    """A folder not to be written to, and its pictures."""
    root = tmp_path_factory.mktemp("atlas")
    return root, prepare(root)


def module(root, **arguments):
    settings = {"image_size": SIDE, "crop_size": CROP, "fold": 0, "batch_size": 4, "workers": 0}
    return AtlasDataModule(root=root, **{**settings, **arguments})


def table(root, fold, side, split="random_ext_noleak_clean"):
    return pd.read_parquet(DataTree(root).fold(split, fold, side))


def shrunk(pictures):
    """Pictures (N, 4, CROP, CROP) as validation should see them."""
    squares = [cv2.resize(picture, (CROP, CROP), interpolation=cv2.INTER_LINEAR) for picture in pictures]
    return torch.from_numpy(np.stack(squares).transpose(0, 3, 1, 2).copy())


def test_any_lightning_module_trains_validates_tests_and_predicts(atlas):
    root, pictures = atlas
    own, data = OwnModule(28), module(root)
    make_trainer().fit(own, data)
    assert (data.num_classes, data.labels) == (28, list(LABEL_NAMES))
    train, valid = (table(root, 0, side) for side in ("train", "valid"))
    assert TWINS[1] not in {*train["Id"], *valid["Id"]}
    seen = own.seen["train"]
    assert [batch["image"].shape for batch in seen] == [(4, 4, CROP, CROP)] * (len(train) // 4)
    rows = joined(seen, "index")
    assert len(set(rows.tolist())) == len(rows)
    assert joined(seen, "target").tolist() == encode_all(train["Target"].iloc[rows].tolist()).tolist()

    wanted = shrunk([(pictures["train"] | pictures["external"])[image_id] for image_id in valid["Id"]])
    in_fit, own.seen["valid"] = own.seen["valid"], []
    make_trainer().validate(own, data, verbose=False)
    for batches in (in_fit, own.seen["valid"]):
        assert joined(batches, "index").tolist() == list(range(len(valid)))
        assert joined(batches, "target").tolist() == encode_all(valid["Target"].tolist()).tolist()
        assert torch.equal(joined(batches, "image"), wanted)

    make_trainer().test(own, data, verbose=False)
    assert all(batch.keys() == {"image", "index"} for batch in own.seen["test"])
    assert torch.equal(joined(own.seen["test"], "image"), shrunk(pictures["test"].values()))

    predicted = make_trainer().predict(own, data)
    assert [len(batch["id"]) for batch in predicted] == [4, 1]
    assert joined(predicted, "id") == TEST
    assert joined(predicted, "status") == ["ok"] * 5
    whole = np.stack(list(pictures["test"].values())).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(joined(predicted, "image").numpy(), whole)


def test_the_module_of_every_fold_is_its_table(atlas):
    root, _ = atlas
    wanted = [tuple(table(root, fold, side)["Id"].tolist() for side in ("train", "valid")) for fold in range(5)]
    assert module(root).folds() == wanted
    for fold in (0, 4):
        data = module(root, fold=fold)
        data.setup("fit")
        assert (data.sides.train.ids, data.sides.valid.ids) == wanted[fold]


def test_antibodies_are_classes(atlas):
    root, _ = atlas
    data = module(root, crop_size=None, fold=None, targets="antibodies")
    data.setup("fit")
    assert (data.num_classes, data.labels, data.split) == (4, [], "antibody")
    for side, examples in (("train", data.sides.train), ("valid", data.sides.valid)):
        split = pd.read_parquet(DataTree(root).antibody_split("after", side))
        assert examples.ids == split["Id"].tolist()
        assert examples.targets.tolist() == split["antibody_code"].tolist()
    assert TWINS[0] in data.sides.train.ids
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 4, SIDE, SIDE)
    assert batch["target"].dtype == torch.int64
    assert len(data.folds()) == 1


def test_datasets_have_names(atlas, tmp_path):
    root, _ = atlas
    tree, data = DataTree(root), module(root)
    for image_set, ids in (("train", TRAIN), ("test", TEST), ("external", EXTERNAL), (None, TEST)):
        files = data.files(image_set)
        assert list(files) == sorted(ids)
        folder = tree.images(image_set or "test", SIDE)
        assert [list(paths.values()) for paths in files.values()] == [[folder / f"{i}.tif"] for i in sorted(ids)]
    valid = table(root, 0, "valid")
    assert list(data.files("valid")) == sorted(valid["Id"])
    with pytest.raises(InputError, match="dataset=mine: the atlas has test, external, train and valid"):
        data.files("mine")
    predicted = module(root, dataset="valid")
    assert joined(make_trainer().predict(OwnModule(28), predicted), "id") == sorted(valid["Id"])
    # The record of a run says what its validation side was, and tables that say otherwise now are refused.
    data.setup("fit")
    write_record(tmp_path / "sides.csv", data.sides)
    of_run = module(root, record=tmp_path / "sides.csv").files("valid")
    assert list(of_run) == sorted(valid["Id"])
    assert all(of_run.values())
    with pytest.raises(InputError, match="the folds were made anew since this run was trained: 16 images"):
        module(root, fold=1, record=tmp_path / "sides.csv").files("valid")


def test_the_split_as_one_table_and_its_images(atlas):
    root, _ = atlas
    data = module(root)
    wanted = pd.concat([table(root, 0, side) for side in ("train", "valid")]).set_index("Id")["Target"]
    found = data.label_table()
    assert sorted(found.ids) == sorted(wanted.index)
    assert found.labels.tolist() == encode_all(wanted[found.ids].tolist()).tolist()
    assert list(data.images()) == sorted(wanted.index)
    assert all(data.images().values())


def test_what_was_not_prepared_is_named(atlas):
    root, _ = atlas
    for arguments, message in (
        ({"fold": 5}, r"no fold 5 of split 'random_ext_noleak_clean' .* has fold0, fold1, fold2, fold3, fold4"),
        ({"split": "mine"}, "the prepared splits are quick, random, random_ext, random_ext_noleak_clean"),
        ({"image_size": 64}, r"no image folder .*images/64/train; run .*'prepare.sizes=\[64\]'"),
        ({"fold": None}, "set fold"),
        ({"crop_size": 41}, "crop_size=41 is larger than the images, 40"),
        ({"batch_size": 1000}, r"training images do not fill a batch of 1000: set batch_size=3\d or lower"),
    ):
        with pytest.raises(InputError, match=message):
            module(root, **arguments).prepare_data()


def test_images_that_cannot_be_used_are_named_before_the_first_step(tmp_path):
    prepare(tmp_path)
    own, tree = OwnModule(28), DataTree(tmp_path)
    damage(tree.images("train", SIDE) / "t05.tif")
    damage(tree.images("external", SIDE) / f"{EXTERNAL[0]}.tif")
    with pytest.raises(InputError, match="2 of 39 images cannot be used") as error:
        make_trainer().fit(own, module(tmp_path))
    assert "t05: " in str(error.value)
    assert f"{EXTERNAL[0]}: " in str(error.value)
    (tree.images("train", SIDE) / "t05.tif").unlink()
    with pytest.raises(InputError, match="t05: no image"):
        make_trainer().fit(own, module(tmp_path))
    assert not own.seen["train"]
    # A prediction goes on and says so with the image.
    data = module(tmp_path, dataset="external")
    first = make_trainer().predict(own, data)[0]
    assert first["id"][0] == EXTERNAL[0]
    assert first["status"][0] != "ok"
    assert first["status"][1:] == ["ok"] * 3
    assert not first["image"][0].any()
