"""Anyone's folder in Lightning, without Hydra and with somebody else's LightningModule."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from own_module import CROP, SIDE, OwnModule, draw, joined, make_trainer
from PIL import Image
from small_run import damage

from hpa_lit.cli import ranks
from hpa_lit.data import FolderDataModule
from hpa_lit.errors import InputError
from hpa_lit.files import rgby

IDS = [f"i{row:02}" for row in range(20)]
LABELS = ["bright", "dark", "odd"]


@pytest.fixture
def folder(tmp_path):
    draw(tmp_path / "images", IDS)
    return tmp_path


@pytest.fixture
def labels(folder):
    return write_table(folder)


def write_table(folder, **columns):
    """A label table of IDS with more columns."""
    targets = ["|".join(name for place, name in enumerate(LABELS) if row % (place + 2) == 0) for row in range(20)]
    path = folder / "labels.csv"
    pd.DataFrame({"Id": IDS, "Target": [target or "odd" for target in targets], **columns}).to_csv(path, index=False)
    return path


def module(folder, **arguments):
    labels = folder / "labels.csv"
    settings = {"labels": labels if labels.is_file() else None, "crop_size": CROP, "batch_size": 4, "workers": 0}
    return FolderDataModule(folder / "images", **{**settings, **arguments})


def sides(data):
    data.setup("fit")
    return [side and list(side.ids) for side in data.sides]


def test_any_lightning_module_trains_validates_tests_and_predicts(folder):
    words = ["test", "valid", "train", "train"] * 5
    write_table(folder, split=words)
    own, data = OwnModule(3), module(folder)
    make_trainer().fit(own, data)
    assert (data.num_classes, data.labels, data.image_size) == (3, LABELS, SIDE)
    train, valid, test = IDS[2::4] + IDS[3::4], IDS[1::4], IDS[::4]
    assert sides(data) == [sorted(train), valid, test]
    seen = own.seen["train"]
    assert [batch["image"].shape for batch in seen] == [(4, 4, CROP, CROP)] * 2
    rows = [int(sorted(train)[row][1:]) for row in joined(seen, "index").tolist()]
    assert joined(seen, "target")[:, :2].tolist() == [[int(row % 2 == 0), int(row % 3 == 0)] for row in rows]
    own.seen["valid"].clear()
    make_trainer().validate(own, data, verbose=False)
    make_trainer().test(own, data, verbose=False)
    for name, ids in (("valid", valid), ("test", test)):
        assert joined(own.seen[name], "index").tolist() == [0, 1, 2, 3, 4]
        wanted = [[int(int(image_id[1:]) % divisor == 0) for divisor in (2, 3)] for image_id in ids]
        assert joined(own.seen[name], "target")[:, :2].tolist() == wanted
    predicted = make_trainer().predict(own, data)
    assert joined(predicted, "id") == IDS
    for image_id, image in zip(IDS, joined(predicted, "image"), strict=True):
        picture = rgby.read(rgby.list_images(folder / "images")[image_id])
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), picture)


def test_without_a_table_images_are_only_predicted(folder):
    data = module(folder, image_size=20)
    predicted = make_trainer().predict(OwnModule(3), data)
    assert joined(predicted, "id") == IDS
    assert joined(predicted, "image").shape == (20, 4, 20, 20)
    assert (data.folds(), data.label_table()) == ([], None)
    assert list(data.images()) == IDS
    with pytest.raises(InputError, match="set image_size: the side that images are brought to"):
        make_trainer().predict(OwnModule(3), module(folder))
    with pytest.raises(InputError, match=r"have no labels: set labels=FILE\.csv"):
        make_trainer().fit(OwnModule(3), module(folder))


def test_without_test_images_there_is_no_test(folder, labels):
    with pytest.raises(InputError, match="no test images: a label table sets some apart by `test` in a column split"):
        make_trainer().test(OwnModule(3), module(folder))


def test_datasets_are_the_folder_and_its_sides(folder):
    write_table(folder, split=["test", "valid", "train", "train"] * 5)
    data = module(folder)
    assert list(data.files()) == list(data.files("folder")) == IDS
    assert list(data.files("test")) == IDS[::4]
    assert list(data.files("valid")) == IDS[1::4]
    assert data.files("test")["i04"] == {rgby.STACK: folder / "images" / "i04.tif"}
    with pytest.raises(InputError, match=r"dataset=train2: the images of .* have no such side"):
        data.files("train2")
    write_table(folder)
    with pytest.raises(InputError, match=r"dataset=test: the images of .* have no such side"):
        data.files("test")
    for dataset in ("train", "valid"):
        with pytest.raises(InputError, match=r"fold=7: data\.folds=5 makes folds 0 to 4"):
            module(folder, fold=7).files(dataset)


def test_folds_are_both_sides_of_each(folder, labels):
    data = module(folder, folds=4)
    folds = data.folds()
    assert len(folds) == 4
    assert sorted(image_id for _, valid in folds for image_id in valid) == IDS
    for fold, (train, valid) in enumerate(folds):
        assert sorted(train + valid) == IDS
        assert sides(module(folder, folds=4, fold=fold)) == [train, valid, None]
    assert data.label_table().names == LABELS
    with pytest.raises(InputError, match=r"fold=4: data\.folds=4 makes folds 0 to 3"):
        module(folder, folds=4, fold=4).setup("fit")


def test_the_side_of_most_images_is_that_of_all(folder, labels):
    draw(folder / "images", IDS[:7], 64)  # 13 images of 40 are left
    data = module(folder)
    data.prepare_data()
    assert (data.image_size, data.sizes) == (40, {(40, 40): 13, (64, 64): 7})
    draw(folder / "images", IDS[:12], 64)
    data = module(folder, crop_size=None)
    own = OwnModule(3)
    make_trainer().fit(own, data)
    assert data.image_size == 64
    assert own.seen["train"][0]["image"].shape == own.seen["valid"][0]["image"].shape == (4, 4, 64, 64)


def test_what_does_not_fit_is_said_before_the_first_step(folder, labels):
    own = OwnModule(3)
    for arguments, message in (
        ({"crop_size": 41}, r"data\.crop_size=41 is larger than the images, 40"),
        ({"batch_size": 17}, "16 training images do not fill a batch of 17: set batch_size=16 or lower"),
        ({"batch_size": 0}, "batch_size=0: give a whole number from 1 on"),
        ({"workers": -1}, "workers=-1: give a whole number from 0 on"),
        ({"folds": 1}, "folds=1: give a whole number from 2 on"),
        ({"fold": -1}, "fold=-1: give a whole number from 0 on"),
        ({"group": "well"}, r"data\.group=well: .*labels\.csv has no such column; it has Id, Target"),
        ({"labels": folder / "no.csv"}, r"there is no table .*no\.csv"),
    ):
        with pytest.raises(InputError, match=message):
            make_trainer().fit(own, module(folder, **arguments))
    assert not own.seen["train"]


def test_images_that_cannot_be_used_are_named_before_the_first_step(folder, labels):
    images, own = folder / "images", OwnModule(3)
    damage(images / "i03.tif")
    damage(images / "i17.tif")
    with pytest.raises(InputError, match=r"(?s)2 of 20 images cannot be used.* i03: .* i17: ") as error:
        make_trainer().fit(own, module(folder))
    assert "i04" not in str(error.value)
    (images / "i17.tif").unlink()
    for color in ("red", "green", "blue"):
        Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(images / f"i17_{color}.png")
    with pytest.raises(InputError, match="i17: no yellow plane"):
        make_trainer().fit(own, module(folder))
    assert not own.seen["train"]
    draw(images, ["i03"])
    data = module(folder, channels="rgb", image_size=SIDE)
    own = OwnModule(3)
    own.linear = torch.nn.Linear(3, 3)
    make_trainer().fit(own, data)
    assert own.seen["train"][0]["image"].shape == (4, 3, CROP, CROP)
    # A prediction says it with the image, or fills the plane with zeros.
    for missing, status in (("error", "i17"), ("zero", "ok")):
        data = module(folder, image_size=SIDE, missing=missing)
        predicted = make_trainer().predict(own, data)
        assert joined(predicted, "status")[:17] == ["ok"] * 17
        assert status in joined(predicted, "status")[17]


def use_two(folder):
    """Predict as one of two ranks, then train with batches that cannot be shared."""
    warnings.simplefilter("ignore")
    trainer, own = make_trainer(devices=2, strategy="ddp"), OwnModule(3)
    ids = joined(trainer.predict(own, module(folder, image_size=SIDE, dataset="folder")), "id")
    (folder / f"rank{trainer.global_rank}").write_text(" ".join(ids))
    make_trainer(devices=2, strategy="ddp").fit(own, module(folder, batch_size=5))


@pytest.mark.slow
def test_ranks_share_the_images_and_refuse_a_batch_that_they_cannot_share(folder, labels):
    draw(folder / "images", ["one_more"])  # for an odd number
    with pytest.raises(InputError, match=r"^batch_size=5 counts the images on all devices .* cannot be shared among 2"):
        ranks.launch("test_data_folder:use_two", 2, folder)
    assert [(folder / f"rank{rank}").read_text().split() for rank in (0, 1)] == [[*IDS[::2], "one_more"], IDS[1::2]]


def test_one_batch_is_seen_again_and_again(folder, labels):
    own, data = OwnModule(3), module(folder)
    with pytest.warns(UserWarning, match="overfit"):  # of Lightning, which takes our sampler away
        make_trainer(max_epochs=3, overfit_batches=1).fit(own, data)
    first, *others = own.seen["train"]
    assert len(others) == 2
    assert first["index"].tolist() == [0, 1, 2, 3]
    assert all(torch.equal(other["image"], first["image"]) for other in others)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_module_that_was_set_up_travels(folder, labels, workers):
    data = module(folder, workers=workers, seed=3)
    data.prepare_data()
    (folder / "labels.csv").unlink()  # nothing is read again
    other = pickle.loads(pickle.dumps(data))  # noqa: S301
    for one, two in zip(data.train_dataloader(), other.train_dataloader(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert (other.num_classes, other.labels, other.image_size) == (3, LABELS, SIDE)


def test_pixel_sizes_bring_all_images_to_the_field_of_most(folder, labels):
    """A wide picture of half as many pixels a cell is cut, not squeezed; without pixel sizes nothing changes."""
    wide = np.random.default_rng(0).integers(0, 255, (64, 70, 4), np.uint8)
    rgby.write(folder / "images" / "i03.tif", wide, "i03")
    plain, sized = module(folder), module(folder, pixel_size=0.2)
    for data in (plain, sized):
        data.prepare_data()
    assert (sized.image_size, sized.target_pixel_size, plain.target_pixel_size) == (SIDE, pytest.approx(0.2), None)
    for one, two in zip(plain.sides.train.files, sized.sides.train.files, strict=True):
        if one[rgby.STACK].name == "i03.tif":
            assert (rgby.read(two) == wide[12:52, 15:55]).all()
        else:
            assert (rgby.read(one) == rgby.read(two)).all()
    small = module(folder, pixel_size=0.2, image_size=20, crop_size=16)
    small.prepare_data()
    assert small.target_pixel_size == pytest.approx(0.4)
    with pytest.raises(
        InputError, match=r"pixel_size=auto: 20 of 20 images in .* do not say it: set pixel_size=NUMBER"
    ):
        module(folder, pixel_size="auto").prepare_data()


def test_files_say_their_pixel_size_themselves(tmp_path):
    (tmp_path / "images").mkdir()
    write_table(tmp_path)
    for row, image_id in enumerate(IDS):
        side, pixel_size = (40, 0.2) if row else (80, 0.1)
        metadata = {"axes": "CYX", "Channel": {"Name": list(rgby.COLORS)}, "PhysicalSizeX": pixel_size}
        planes = np.full((4, side, side), row, np.uint8)
        tifffile.imwrite(
            tmp_path / "images" / f"{image_id}.ome.tif", planes, photometric="minisblack", metadata=metadata
        )
    data = module(tmp_path, pixel_size="auto")
    data.prepare_data()
    assert data.target_pixel_size == pytest.approx(0.2)
    files = dict(zip(data.sides.train.ids, data.sides.train.files, strict=True))
    assert rgby.read(files["i00"]).shape == (80, 80, 4)
    assert rgby.read(files["i01"]).shape == (40, 40, 4)


def test_pictures_of_others_train_as_ours(folder, labels):
    """The same pictures, named by another program; what was made of them is said."""
    images = folder / "images"
    plain = module(folder)
    plain.prepare_data()
    batches = list(plain.train_dataloader())
    for image_id in IDS:
        picture = rgby.read({rgby.STACK: images / f"{image_id}.tif"})
        (images / f"{image_id}.tif").unlink()
        for channel, place in enumerate((2, 1, 0, 3)):
            Image.fromarray(picture[:, :, place]).save(images / f"{image_id}_ch0{channel}.tif")
    with pytest.raises(InputError, match="by naming=leica, has the channels ch00, ch01, ch02, ch03, which do not say"):
        module(folder).prepare_data()
    data = module(folder, planes={"red": "ch02", "green": "ch01", "blue": "ch00", "yellow": "ch03"})
    data.prepare_data()
    assert data.notes == [
        "80 files are taken by naming=leica, such as i00_ch00.tif: "
        "ch02 as red, ch01 as green, ch00 as blue, ch03 as yellow"
    ]
    for one, two in zip(batches, data.train_dataloader(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
