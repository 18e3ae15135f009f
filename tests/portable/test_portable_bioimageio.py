"""Packages of bioimage.io: its own programs take them, test them, and get the same answers."""

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import DECISION, LABELS, save_pictures, save_run

from hpa_lit import export
from hpa_lit.errors import InputError
from hpa_lit.inference.model import describe
from hpa_lit.nets.answering import Answering
from hpa_lit.portable import about, check_installed, write_bioimageio

try:
    check_installed("bioimageio")
except InputError as error:
    pytest.skip(str(error), allow_module_level=True)

import bioimageio.core as core

NARROW = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}


def image(planes=4):
    return np.random.default_rng(0).integers(0, 256, (planes, 32, 32), np.uint8)


@pytest.mark.slow
def test_bioimageio_core_predicts_the_same_with_both_kinds_of_weights(tmp_path):
    run, net = save_run(tmp_path, target_pixel_size=0.4, **NARROW)
    model = replace(describe(run.checkpoint("best")), decision=DECISION)
    write_bioimageio(tmp_path / "x.zip", model, net, about(model, net, run, "CC-BY-4.0", ["Anna"]), [image()])
    described = core.load_description(tmp_path / "x.zip")
    images = np.random.default_rng(1).integers(0, 256, (1, 4, 32, 32), np.uint8)
    with torch.no_grad():
        expected = [answer.numpy() for answer in Answering(net)(torch.from_numpy(images))]
    for weights in ("onnx", "pytorch_state_dict"):
        pipeline = core.create_prediction_pipeline(described, weight_format=weights)
        found = core.predict(model=pipeline, inputs={"images": images})
        for name, theirs in zip(("probabilities", "features"), expected, strict=True):
            np.testing.assert_allclose(found.members[name].data.to_numpy(), theirs, atol=1e-4)
    assert [str(name) for name in described.outputs[0].axes[1].channel_names] == LABELS
    assert described.cite[0].doi == "10.1038/s41592-019-0658-6"
    assert str(described.license) == "CC-BY-4.0"
    assert described.inputs[0].axes[3].scale == pytest.approx(0.4 * 40 / 32)
    with zipfile.ZipFile(tmp_path / "x.zip") as package:
        assert "a macro F1 of 0.750 (0.500 to 0.900)" in package.read("README.md").decode()
        (described,) = (name for name in package.namelist() if name.endswith("rdf.yaml") or "bioimageio" in name)
        assert str(tmp_path) not in package.read(described).decode()


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Start the command in an empty folder; gives what it says."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit export", "format=bioimageio", *words])
        export.main()
        return capsys.readouterr().out

    return start


@pytest.mark.slow
def test_the_program_of_bioimage_io_passes_it_offline(command):
    save_run(Path("run"), **NARROW)
    command("run=run", "authors=[Anna]", "licence=MIT", "out=x.zip")
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    program = Path(sys.executable).parent / "bioimageio"
    words = [program] if program.is_file() else [sys.executable, "-m", "bioimageio.core"]
    done = subprocess.run([*words, "test", "x.zip"], capture_output=True, text=True, env=os.environ | nowhere)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_command_shows_a_drawn_picture_or_a_given_one(command):
    save_run(Path("face"), embedder=True, channels="rgb", **NARROW)
    command("run=face", "authors=[Anna,Ben]", "out=drawn.zip")
    save_pictures(Path("mine"), 1)
    said = command("run=face", "authors=[Anna]", "images=mine", "out=mine.zip")
    assert said.endswith("-> mine.zip\n")
    tensors = []
    for name in ("drawn.zip", "mine.zip"):
        with zipfile.ZipFile(name) as package, package.open("images.npy") as file:
            tensors.append(np.load(file))
    drawn, mine = tensors
    assert drawn.shape == mine.shape == (1, 3, 40, 40)
    assert drawn.max() > 0
    assert not np.array_equal(drawn, mine)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"says who made it: give authors=\[NAME,\.\.\.\]"),
        (["authors=[Anna]", "licence=mine"], "bioimage.io does not take this: .*license"),
    ],
)
def test_what_a_package_needs(command, words, message):
    save_run(Path("run"), **NARROW)
    with pytest.raises(SystemExit, match=message):
        command("run=run", *words)
    assert not list(Path().glob("**/*.zip"))


def test_networks_of_others_go_as_onnx_alone(tmp_path):
    run, net = save_run(tmp_path, **NARROW)
    model = replace(describe(run.checkpoint("best")), arch={"_target_": "mine.Net", "arch": "mine"})
    with pytest.raises(InputError, match=r"small was built by mine\.Net: use format=onnx"):
        write_bioimageio(tmp_path / "x.zip", model, net, about(model, net, run, None, ["Anna"]), [image()])
