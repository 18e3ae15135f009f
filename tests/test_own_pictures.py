"""Pictures of other microscopes through the commands: other names, channels, slices and pixel sizes."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from PIL import Image
from small_run import save_pictures, save_run

from hpa_lit import check, embed, predict, prepare, report, train
from hpa_lit.data import FolderDataModule
from hpa_lit.errors import BAD_INPUT
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.inference import Model, describe

LEICA = "planes={red: ch02, green: ch01, blue: ch00, yellow: ch03}"
ORDER = [2, 1, 0, 3]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six pictures as we name them, as LAS X does, and in OME-TIFFs of three slices, of which the middle is theirs."""
    monkeypatch.chdir(tmp_path)
    pictures = save_pictures(tmp_path / "ours", 6)
    for folder in ("leica", "stacks"):
        (tmp_path / folder).mkdir()
    for row, picture in enumerate(pictures):
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[ORDER])
        for channel, plane in enumerate(planes):
            Image.fromarray(plane).save(tmp_path / "leica" / f"i{row:02}_ch0{channel}.tif")
        said = {"axes": "ZCYX", "Channel": {"Name": ["DAPI", "GFP", "tubulin", "ER"]}, "PhysicalSizeX": 0.1}
        slices = np.stack([planes // 2, planes, planes // 3])
        tifffile.imwrite(tmp_path / f"stacks/i{row:02}.ome.tif", slices, photometric="minisblack", metadata=said)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command; what it printed, or the message that it ended with."""

    def start(verb, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", [verb.__name__, *words])
        capsys.readouterr()
        try:
            verb.main()
        except SystemExit as error:
            if error.code != BAD_INPUT:
                raise
            return str(error)
        return capsys.readouterr().out

    return start


ON_CPU = ("run=run", "trainer=cpu", "workers=0")


def test_answers_do_not_depend_on_who_wrote_the_files(home: Path, run) -> None:
    save_run(home / "run")
    run(predict, *ON_CPU, "images=ours", "out=ours.parquet")
    wanted = prediction_file.read(home / "ours.parquet")
    said = run(predict, *ON_CPU, "images=leica", LEICA, "out=leica.parquet")
    assert "24 files are taken by naming=leica, such as i00_ch00.tif: ch02 as red, ch01 as green" in said
    for z in ("z=max", "z=1"):
        said = run(predict, *ON_CPU, "images=stacks", z, "out=stacks.parquet")
        taken = "the brightest of 3 slices" if z == "z=max" else "slice 1 of 3"
        assert f"6 of 6 images: tubulin as red, GFP as green, DAPI as blue, ER as yellow; {taken}" in said
        for name in ("leica", "stacks"):
            found = prediction_file.read(home / f"{name}.parquet")
            assert found.ids == wanted.ids
            np.testing.assert_array_equal(found.probabilities, wanted.probabilities)
    said = run(predict, *ON_CPU, "images=stacks", "out=refused.parquet")
    assert "none of 6 images can be read, such as i00: stacks/i00.ome.tif is a Z stack of 3 slices: z=max" in said
    assert not (home / "refused.parquet").exists()
    said = run(predict, *ON_CPU, "images=leica", "out=refused.parquet")
    assert "has the channels ch00, ch01, ch02, ch03, which do not say which is which" in said
    said = run(embed, *ON_CPU, "images=leica", LEICA, "out=leica_features.parquet")
    assert "24 files are taken by naming=leica" in said
    said = run(report, "predictions=stacks.parquet", "images=leica", LEICA, "output=page")
    assert "24 files are taken by naming=leica" in said
    assert (home / "page" / "report.html").is_file()
    assert "z is about a folder of pictures" in run(predict, *ON_CPU, "dataset=test", "z=max")


def test_check_says_what_was_taken_for_what(home: Path, run) -> None:
    found = json.loads(run(check, "images=leica", LEICA, "workers=1", "--json"))["findings"]
    names = [each["said"] for each in found if each["kind"] == "names"]
    assert names == [
        "24 files are taken by naming=leica, such as i00_ch00.tif: "
        "ch02 as red, ch01 as green, ch00 as blue, ch03 as yellow"
    ]
    found = json.loads(run(check, "images=stacks", "z=max", "workers=1", "--json"))["findings"]
    channels = [each["said"] for each in found if each["kind"] == "channels"]
    assert channels == [
        "6 of 6 images: tubulin as red, GFP as green, DAPI as blue, ER as yellow; the brightest of 3 slices"
    ]
    assert run(check, "images=stacks", "workers=1") == "error: 6 images; errors: 1, warnings: 0"


def test_statistics_of_pictures_of_others(home: Path, run) -> None:
    words = ("stage=statistics", "prepare.workers=1")
    ours = run(prepare, *words, "images=ours")
    assert ours.startswith("statistics: 6 images: data.mean=[")
    assert run(prepare, *words, "images=leica", LEICA).splitlines()[-1] == ours.splitlines()[-1]
    assert run(prepare, *words, "images=stacks", "z=max") == ours
    assert "z is about a folder of pictures: give it too" in run(prepare, *words, "z=max")


def test_a_training_knows_its_pixel_size_and_predictions_keep_to_it(home: Path, run) -> None:
    pd.DataFrame({"Id": [f"i{row:02}" for row in range(6)], "Target": ["0", "1"] * 3}).to_csv("labels.csv", index=False)
    words = ["experiment=small", "images=leica", "labels=labels.csv", "data.label_list=[0,1]", LEICA, "pixel_size=0.1"]
    sizes = ["data.crop_size=16", "data.image_size=20", "data.folds=2", "data.workers=0", "batch_size=2"]
    said = run(train, *words, *sizes, "scheduler.epochs=1", "paths.outputs=outputs")
    assert "24 files are taken by naming=leica" in said
    folder = next(Path("outputs/train").glob("*/fold0"))
    model = describe(RunTree(folder).checkpoint("last"))
    assert (model.data["pixel_size"], model.data["image_size"]) == (0.1, 20)
    assert model.data["target_pixel_size"] == model.pixel_size == pytest.approx(0.2)

    known = (f"run={folder}", "trainer=cpu", "workers=0", "epoch=last")
    run(predict, *known, "images=leica", "out=all.parquet")  # the channels are those of the training
    said = run(predict, *known, "images=leica", "pixel_size=0.05", "out=half.parquet")
    assert "6 of 6 images are brought from 0.05 to 0.2 micrometres a pixel: of 40 x 40 pixels" in said
    assert "they lie in 80 x 80, black around them" in said
    wanted = prediction_file.read(home / "all.parquet").probabilities
    assert (prediction_file.read(home / "half.parquet").probabilities != wanted).any()
    said = run(predict, *known, "images=leica", "pixel_size=0.1", "out=same.parquet")
    assert "from 0.1 to 0.2 micrometres a pixel: of 40 x 40 pixels all of each is seen" in said
    np.testing.assert_array_equal(prediction_file.read(home / "same.parquet").probabilities, wanted)
    names = "planes={red: tubulin, green: GFP, blue: DAPI, yellow: ER}"
    said = run(predict, *known, "images=stacks", "z=1", names, "pixel_size=auto", "out=same.parquet")
    assert "from 0.1 to 0.2 micrometres a pixel: of 40 x 40 pixels all of each is seen" in said
    np.testing.assert_array_equal(prediction_file.read(home / "same.parquet").probabilities, wanted)
    said = run(predict, *known, "images=stacks", "z=1", "out=refused.parquet")
    assert "planes.red=ch02: stacks/i00.ome.tif has the channels DAPI, GFP, tubulin, ER: choose one of these" in said


def test_what_a_network_sees_of_a_field(home: Path) -> None:
    data = FolderDataModule("ours", image_size=20, pixel_size=0.1, target_pixel_size=0.1, dataset="folder")
    data.setup("predict")
    image = next(iter(data.predict_loader([0], 1)))["image"]
    whole = rgby.read(rgby.list_images(Path("ours"))["i00"])
    assert torch.equal(image[0], torch.from_numpy(whole[10:30, 10:30].transpose(2, 0, 1)))


def test_a_run_that_does_not_know_its_pixel_size_says_so(home: Path, run) -> None:
    save_run(home / "run", _target_="hpa_lit.data.FolderDataModule", images="ours", labels=None)
    said = run(predict, *ON_CPU, "images=ours", "pixel_size=0.1")
    assert "small does not know its pixel size, to bring images to it: train with pixel_size=NUMBER" in said
    long = ("data=folder", "data.images=ours", "data.target_pixel_size=0.2", "data.pixel_size=0.1", "out=a.csv")
    assert "from 0.1 to 0.2 micrometres a pixel: of 40 x 40 pixels they lie in 80 x 80" in run(predict, *ON_CPU, *long)


def test_models_of_the_atlas_know_the_pixel_size_of_its_images() -> None:
    data = {"_target_": "hpa_lit.data.AtlasDataModule", "image_size": 512}
    model = Model(Path(), "", "", None, {}, 28, (), data)
    assert model.pixel_size == pytest.approx(0.32)


def test_a_real_field_is_seen_alike_from_half_the_pixels(shared: Path, tmp_path: Path) -> None:
    """Another microscope, which shows more of the field with pixels twice as wide."""
    files = rgby.list_images(shared / "data" / "fields")["57_F11_1"]
    whole = rgby.read(files)[:1600, :1600]
    half = whole.reshape(800, 2, 800, 2, 4).mean(axis=(1, 3)).round().astype(np.uint8)
    seen = []
    for name, picture, pixel_size in (("one", whole[300:1300, 300:1300], 0.08), ("two", half, 0.16)):
        rgby.write(tmp_path / name / "a.tif", np.ascontiguousarray(picture), "a")
        data = FolderDataModule(
            tmp_path / name, image_size=250, pixel_size=pixel_size, target_pixel_size=0.32, dataset="folder", workers=0
        )
        data.setup("predict")
        seen.append(next(iter(data.predict_loader([0], 1)))["image"][0].float())
    assert torch.corrcoef(torch.stack([image.flatten() for image in seen]))[0, 1] > 0.97
    squeezed = torch.from_numpy(rgby.resize(half, 250).transpose(2, 0, 1)).float()
    assert torch.corrcoef(torch.stack([seen[0].flatten(), squeezed.flatten()]))[0, 1] < 0.5


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("planes={purple: 1}", "give the channel of each color, such as {red: C2, green: C1, blue: C0} or null"),
        ("planes=3", "planes=3: give the channel of each color"),
        ("z=mean", "z=mean: give max, a whole number from 0 on or null"),
        ("pixel_size=0", "pixel_size=0: give auto, a number above 0 or null"),
        ("naming=lei", "naming=lei: choose hpa, cells, imagej, leica, "),
        ("naming=leica", "naming=leica fits no file of ours, which holds i00.tif, i01.tif, i02.tif, ..."),
    ],
)
def test_settings_that_are_none_are_said(home: Path, run, word: str, sentence: str) -> None:
    save_run(home / "run")
    assert sentence in run(predict, *ON_CPU, "images=ours", "out=a.parquet", word)
