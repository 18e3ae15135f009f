"""The command predict: what validation saw, the reference's checkpoints, failures, kills."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from omegaconf import OmegaConf
from PIL import Image
from scipy.special import expit
from small_run import DECISION, LABELS, damage, save_pictures, save_run

import hpa_lit
from hpa_lit import predict
from hpa_lit.cli import ranks
from hpa_lit.data.transforms import ValidTransform
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.inference.predictor import Predictor
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.losses import focal_loss
from hpa_lit.nets import build_classifier, legacy
from hpa_lit.results import thresholds
from hpa_lit.train import TrainSettings, fit, load_data

sys.path.append(str(Path(__file__).parent / "nets"))
import reference_nets as reference
from test_configs import composed


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Start the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit predict", "trainer=cpu", "workers=0", *words])
        predict.main()

    return start


def forward(net, pictures, image_size=40, crop_size=32):
    """Probabilities of pictures (N, H, W, 4) as validation sees them."""
    see = ValidTransform(image_size, crop_size)
    seen = np.stack([see(planes, 0) for planes in pictures.transpose(0, 3, 1, 2)])
    with torch.no_grad():
        return net(torch.from_numpy(seen)).sigmoid().numpy()


def test_a_folder_to_a_table_for_people(run, tmp_path, capsys):
    _, net = save_run(tmp_path / "run")
    pictures = save_pictures(tmp_path / "mine", 5)
    run("run=run", "images=mine", "out=result.csv", "batch_size=2")
    table = pd.read_csv("result.csv")
    assert table.columns.tolist() == ["Id", "locations", "top3", "status", "size", "channels", *LABELS]
    assert table.Id.tolist() == [f"i0{n}" for n in range(5)]
    probabilities = forward(net, pictures)
    np.testing.assert_allclose(table[LABELS], probabilities, atol=2e-3)
    assert (table["locations"].str.split(", ").str[0] == np.take(LABELS, probabilities.argmax(axis=1))).all()
    assert set(table["size"]) == {"40 x 40"}
    assert set(table["channels"]) == {"red, green, blue, yellow"}
    said = capsys.readouterr().out
    assert (
        "labels above a probability of 0.5, since the model knows no thresholds, the most probable in any case" in said
    )
    assert "5 images, 1 views -> result.csv" in said
    assert {path.name for path in tmp_path.rglob("*") if path.suffix in (".csv", ".parquet")} == {"result.csv"}

    run("run=run", "data=folder", "data.images=mine", "batch_size=2")
    found = prediction_file.read(RunTree(Path("run")).predictions("folder-mine", "best", "none"))
    np.testing.assert_allclose(prediction_file.read(Path("result.csv")).probabilities, found.probabilities, rtol=1e-5)


def test_a_model_that_knows_its_thresholds_answers_by_them(run, tmp_path, capsys):
    save_run(tmp_path / "run", decision=DECISION)
    save_pictures(tmp_path / "mine", 5)
    run("run=run", "images=mine", "out=raw.parquet", "views=dihedral")
    views = prediction_file.read(Path("raw.parquet")).probabilities
    capsys.readouterr()
    for words, limits in (((), DECISION.thresholds), (("threshold=0.2",), 0.2)):
        run("run=run", "images=mine", "out=result.csv", "views=dihedral", *words)
        table = pd.read_csv("result.csv")
        calibrated = DECISION.calibrated(views)
        np.testing.assert_allclose(table[LABELS], calibrated, rtol=1e-5)
        given = thresholds.assign(calibrated, np.broadcast_to(limits, 3)).astype(bool)
        assert [set(answer.split(", ")) for answer in table["locations"]] == [
            set(np.array(LABELS)[row]) for row in given
        ]
    by_itself, by_word = (line for line in capsys.readouterr().out.splitlines() if line.startswith("locations: "))
    assert "fitted on 50 images (dataset=valid), with a macro F1 to expect of 0.75 (0.50 to 0.90)" in by_itself
    assert "labels above a calibrated probability of 0.2, the most probable in any case" in by_word


def test_another_file_is_not_written_over(run, tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 1)
    Path("notes.csv").write_text("Id,colour\ni00,red\n")
    with pytest.raises(SystemExit, match=r"notes\.csv is there and is no table of predictions.*choose another"):
        run("run=run", "images=mine", "out=notes.csv")
    assert Path("notes.csv").read_text() == "Id,colour\ni00,red\n"


def test_answers_about_a_folder_are_not_replaced_by_those_about_another_of_its_name(run, tmp_path):
    save_run(tmp_path / "run")
    for place in ("a", "b"):
        save_pictures(tmp_path / place / "tiles", 1)
    run("run=run", "images=a/tiles")
    answers = RunTree(Path("run")).predictions("folder-tiles", "best", "none")
    before = answers.read_bytes()
    here, there = tmp_path / "a" / "tiles", tmp_path / "b" / "tiles"
    sentence = f"{answers} holds answers about {here}, and these are about {there}: set out=FILE, or remove it"
    with pytest.raises(SystemExit, match=re.escape(sentence)):
        run("run=run", "images=b/tiles")
    assert answers.read_bytes() == before
    run("run=run", "images=b/tiles", "out=b.parquet")
    run("run=run", f"images={here}")  # the same folder in other words
    assert answers.read_bytes() == before


def test_without_a_resize_it_is_validation_to_the_last_digits(run, tmp_path):
    _, net = save_run(tmp_path / "run", image_size=32)
    pictures = save_pictures(tmp_path / "mine", 3)
    run("run=run", "images=mine", "views=dihedral", "out=a.parquet")
    found = prediction_file.read(Path("a.parquet"))
    assert len(found.views) == 8
    np.testing.assert_allclose(found.probabilities[:, 0], forward(net, pictures, 32, 32), atol=1e-6)


@pytest.mark.slow
def test_valid_is_what_training_validated_on(run, tmp_path):
    save_pictures(tmp_path / "mine", 20)
    labels = pd.DataFrame({"Id": [f"i{n:02}" for n in range(20)], "Target": ["0", "1"] * 10})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    config = composed(
        "experiment=small",
        "data=folder",
        f"data.images={tmp_path / 'mine'}",
        f"data.labels={tmp_path / 'labels.csv'}",
        "data.label_list=[bright,dark]",
        "data.crop_size=32",
        "data.workers=0",
        "batch_size=4",
        "scheduler.epochs=2",
        "fold=3",
        f"folder={tmp_path / 'run'}",
    )
    trained = RunTree(tmp_path / "run")
    config, data = load_data(TrainSettings.of(OmegaConf.create(config)), trained)
    valid = data.sides.valid
    fit(config.plain(), ranks.trainer_arguments(config.trainer.model_dump()), trained, data)
    run("run=run", "dataset=valid", "epoch=2", "features=true")
    found = prediction_file.read(trained.predictions("valid", "epoch_002", "none"))
    assert found.ids == tuple(sorted(valid.ids))
    assert (found.run, found.fold, found.dataset, found.labels) == ("small_folder", 3, "valid", ("bright", "dark"))
    targets = torch.from_numpy(valid.targets[np.argsort(valid.ids)])
    curves = pd.read_csv(next(trained.folder.rglob("metrics.csv"))).groupby("epoch").first()
    focal = focal_loss(torch.logit(torch.from_numpy(found.probabilities[:, 0])), targets).item()
    assert focal == pytest.approx(curves["valid/focal"][2], rel=5e-3)


SMALLER = 1e-3


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Made-up weights by the golden recipe, in the file format of the reference's published checkpoints.

    The last layer is made smaller, since the recipe's logits are so large that all probabilities would be 0 or 1.
    """
    path = tmp_path_factory.mktemp("published") / "045.pth"
    scale = {"logit.weight": SMALLER, "logit.bias": SMALLER}
    state = {f"module.{key}": scale.get(key, 1) * tensor for key, tensor in reference.state_dict("resnet18").items()}
    torch.save({"state_dict": state, "epoch": 45}, path)
    return path


def test_a_checkpoint_of_the_reference_serves_directly(run, tmp_path, published):
    pictures = save_pictures(tmp_path / "mine", 3, side=128)
    sizes = ("data=i512", "data.image_size=128", "data.crop_size=128")
    run(f"checkpoint={published}", "arch=resnet18", *sizes, "images=mine", "out=a.parquet")
    found = prediction_file.read(Path("a.parquet"))
    assert found.labels == LABEL_NAMES
    assert found.run == str(published.with_suffix(""))
    net = build_classifier("resnet18")
    legacy.load_legacy(net, published)
    np.testing.assert_allclose(found.probabilities[:, 0], forward(net.eval(), pictures, 128, 128), atol=1e-5)
    seen = {"image_size": 128, "crop_size": 128}
    loaded = hpa_lit.load_model(published, arch="resnet18", data=seen, device="cpu").predict(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.probabilities, found.probabilities[:, 0])
    # The same network gives the reference's own numbers, which are for images between the levels of uint8.
    case = reference.CASES["class_resnet18_dropout"]["e0"]
    golden = np.load(reference.GOLDEN / "networks.npz")["class_resnet18_dropout/e0/logits"]
    with torch.inference_mode():
        answers, _ = Predictor(net, ("crop0/default",), None, 2).eval().answer(reference.images(case))
    np.testing.assert_allclose(answers, expit(SMALLER * golden.astype(np.float64)), atol=1e-5)
    assert np.ptp(answers.numpy()) > 0.5


def test_another_network_than_the_checkpoints_is_named(run, tmp_path, published):
    save_pictures(tmp_path / "mine", 1)
    with pytest.raises(SystemExit, match=r"(?s)^error: .*045\.pth does not fit this network:.*missing: "):
        run(f"checkpoint={published}", "arch=resnet34", "data=i512", "images=mine")


def test_the_file_is_written_before_failures_end_the_command(run, tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 3)
    damage(tmp_path / "mine" / "i01.tif")
    with pytest.raises(SystemExit, match=r"(?s)^error: 1 of 3 images could not be read.*  i01: mine/i01\.tif cannot"):
        run("run=run", "images=mine", "out=result.csv")
    table = pd.read_csv("result.csv")
    assert table[LABELS].isna().any(axis=1).tolist() == [False, True, False]
    assert table.status[1].startswith("mine/i01.tif cannot be read")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["images=mine"], "say which model"),
        (["run=run"], "dataset=null: choose test"),
        (["run=run", "images=mine", "epoch=7"], "has no checkpoint epoch_007.ckpt; it has best"),
        (["run=run", "images=mine", "views=all"], "full"),
        (["run=run", "images=mine", "views.dihedral=[rot90]"], "there is no view rot90"),
        (["run=run", "images=mine", "out=result.xlsx"], "ends in .parquet or .csv"),
        (["run=face", "images=mine"], "use hpa-lit embed"),
        (["run=run", "images=mine", "trainer=gpu"], "no GPU was found"),
        (["run=run", "dataset=test", "paths.root=none"], "stage=metadata"),
        (["run=run", "images=mine", "batchsize=3"], "batch_size"),
        (
            ["run=run", "images=mine", "data=folder", "data.images=other"],
            "images=mine means data.images=mine, and data",
        ),
        (["run=run", "images=mine", "workers=-1"], "workers=-1: give a whole number from 0 on"),
        (["run=run", "images=mine", "batch_size=two"], "batch_size=two: give a whole number above 0"),
        (["run=run", "images=mine", "out=mine/i00.tif/x.csv"], "x.csv cannot be written: File exists: mine/i00.tif"),
        (["run=run", "images=run"], "there is no image in run, which holds checkpoints/: expected <Id>.tif"),
        (["checkpoint=mine/i00.tif", "images=mine"], "i00.tif cannot be read as weights: it is cut off or damaged, no"),
        (["run=run", "images=mine", "missing=skip"], "missing=skip: choose error or zero"),
    ],
)
def test_mistakes_end_with_one_message(run, tmp_path, words, message):
    if "trainer=gpu" in words and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    save_run(tmp_path / "run")
    save_run(tmp_path / "face", embedder=True)
    save_pictures(tmp_path / "mine", 1)
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        run(*words)


@pytest.mark.slow
def test_a_killed_command_goes_on(tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 12)
    words = [
        sys.executable,
        "-m",
        "hpa_lit.predict",
        "run=run",
        "images=mine",
        "views=full",
        "workers=0",
        "save_every=0",
    ]
    words += ["trainer=cpu", "batch_size=1"]
    environment = os.environ | {"PYTHONPATH": str(Path(predict.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    folder = tmp_path / "run" / "predictions"
    while process.poll() is None and len(list(folder.glob(".*.parts/*.parquet"))) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(folder.glob("*.parquet"))
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "of 12 images are predicted already" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["folder-mine_best_full.parquet"]
    killed = prediction_file.read(folder / "folder-mine_best_full.parquet")
    (folder / "folder-mine_best_full.parquet").unlink()
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=500)
    whole = prediction_file.read(folder / "folder-mine_best_full.parquet")
    assert np.array_equal(killed.probabilities, whole.probabilities)


@pytest.mark.slow
def test_pictures_replaced_after_a_kill_are_predicted_as_they_are_now(tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 12)
    words = ["run=run", "images=mine", "views=full", "workers=1", "save_every=0", "trainer=cpu", "batch_size=1"]
    line = [sys.executable, "-m", "hpa_lit.predict", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    folder = tmp_path / "run" / "predictions"
    while process.poll() is None and len(list(folder.glob(".*.parts/*.json"))) < 5:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    new = np.random.default_rng(7).integers(0, 256, (12, 40, 40, 4), dtype=np.uint8)
    for row in range(12)[::2]:
        rgby.write(tmp_path / "mine" / f"i{row:02}.tif", new[row], f"i{row:02}")
    found = {}
    for name in ("killed", "fresh"):
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        assert ("are predicted already" in done.stdout) == (name == "killed")
        found[name] = prediction_file.read(folder / "folder-mine_best_full.parquet")
    assert np.array_equal(found["killed"].probabilities, found["fresh"].probabilities)


@pytest.mark.slow
def test_two_processes_and_torchrun(tmp_path):
    save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 5)
    damage(tmp_path / "mine" / "i04.tif")
    environment = os.environ | {"PYTHONPATH": str(Path(predict.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    words = ["-m", "hpa_lit.predict", "run=run", "images=mine", "workers=0", "trainer=cpu"]
    starts = {
        "one": [sys.executable, *words],
        "two": [sys.executable, *words, "trainer.devices=2"],
        "torchrun": [str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node", "2", *words],
    }
    found = {}
    for name, start in starts.items():
        line = [*start, f"out={name}.parquet"]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == (1 if name == "torchrun" else 2)  # torchrun has one code for all that goes wrong
        assert done.stderr.count("error: 1 of 5 images could not be read") == 1
        found[name] = prediction_file.read(tmp_path / f"{name}.parquet")
        assert found[name].ids == tuple(f"i0{n}" for n in range(5))
        np.testing.assert_allclose(found[name].probabilities, found["one"].probabilities, atol=1e-5, rtol=0)


def save_planes(folder, pictures, colors):
    """Write the planes of pictures (N, H, W, 4) as i00_red.png, ..."""
    folder.mkdir()
    for row, picture in enumerate(pictures):
        for color in colors:
            Image.fromarray(picture[:, :, rgby.COLORS.index(color)]).save(folder / f"i{row:02}_{color}.png")


def test_images_of_other_sizes_are_said(run, tmp_path, capsys):
    save_run(tmp_path / "run")  # on images of 40 x 40
    save_pictures(tmp_path / "mine", 3, side=20)
    rgby.write(tmp_path / "mine" / "i02.tif", np.zeros((80, 60, 4), np.uint8), "i02")
    run("run=run", "images=mine")
    said = capsys.readouterr().out
    assert "2 of 3 images are brought from 20 x 20 to 40 x 40: cells get 2 times larger, and no sharper" in said
    assert "1 of 3 images are brought from 80 x 60 to 40 x 40: cells get 1.5 times smaller; they are not square" in said


def test_a_network_without_yellow_needs_none(run, tmp_path, capsys):
    _, net = save_run(tmp_path / "run", image_size=32, channels="rgb")
    pictures = save_pictures(tmp_path / "mine", 3, side=32)
    save_planes(tmp_path / "planes", pictures, ("red", "green", "blue"))
    expected = forward(net, pictures[..., :3], 32, 32)
    for name in ("mine", "planes"):
        run("run=run", f"images={name}", f"out={name}.parquet", "missing=zero")
        found = prediction_file.read(Path(f"{name}.parquet"))
        np.testing.assert_allclose(found.probabilities[:, 0], expected, atol=1e-6)
    assert "filled" not in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"data\.channels=rgby: .*best\.ckpt was trained on rgb; leave it out"):
        run("run=run", "data=folder", "data.images=mine", "data.channels=rgby")


def test_missing_planes_are_filled_when_asked_and_said_once(run, tmp_path, capsys):
    _, net = save_run(tmp_path / "run", image_size=32)
    pictures = save_pictures(tmp_path / "mine", 3, side=32)
    save_planes(tmp_path / "planes", pictures[:2], ("red", "green", "blue"))
    tifffile.imwrite(tmp_path / "planes" / "i02.tif", pictures[2, :, :, :3], photometric="rgb")
    with pytest.raises(SystemExit) as error:
        run("run=run", "images=planes")
    assert "3 of 3 images have no yellow plane: missing=zero fills in zeros" in str(error.value)
    assert "a model trained with data.channels=rgb needs no yellow plane" in str(error.value)
    run("run=run", "images=planes", "missing=zero", "out=zero.parquet")
    said = "3 of 3 images have no yellow plane: filled with zeros, which the network never saw in training; a model"
    assert capsys.readouterr().out.count(said) == 1
    pictures[..., 3] = 0
    found = prediction_file.read(Path("zero.parquet"))
    np.testing.assert_allclose(found.probabilities[:, 0], forward(net, pictures, 32, 32), atol=1e-6)


def test_nothing_stands_in_for_the_protein(run, tmp_path, capsys):
    save_run(tmp_path / "run")
    pictures = save_pictures(tmp_path / "mine", 2)
    save_planes(tmp_path / "planes", pictures, ("blue", "yellow"))
    with pytest.raises(
        SystemExit, match=r"2 of 2 images have no red plane, 2 of 2 images have no green plane: the gre"
    ):
        run("run=run", "images=planes", "missing=zero")
    Image.fromarray(pictures[1, :, :, 1]).save(tmp_path / "planes" / "i01_green.png")
    with pytest.raises(SystemExit, match=r"(?s)1 of 2 images could not be read.*  i00: no red and no green plane"):
        run("run=run", "images=planes", "missing=zero")
    assert "1 of 2 images have no red plane: filled with zeros" in capsys.readouterr().out


def test_pictures_in_planes_and_in_one_file_are_one(run, tmp_path):
    save_run(tmp_path / "run")
    pictures = save_pictures(tmp_path / "mine", 2)
    save_planes(tmp_path / "planes", pictures, rgby.COLORS)
    for name in ("mine", "planes"):
        run("run=run", f"images={name}", f"out={name}.parquet")
    one, other = (prediction_file.read(Path(f"{name}.parquet")) for name in ("mine", "planes"))
    assert np.array_equal(one.probabilities, other.probabilities)
