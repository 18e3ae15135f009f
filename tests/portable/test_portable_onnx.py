"""Networks as ONNX: onnxruntime answers as torch does, and the file says what is to be known."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import DECISION, LABELS, save_pictures, save_run

from hpa_lit import export
from hpa_lit.data.transforms import ValidTransform
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.inference.model import describe
from hpa_lit.nets import build_classifier
from hpa_lit.nets.answering import Answering
from hpa_lit.portable import about, write_onnx

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

NARROW = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}
REAL = ["57_F11_1", "800_A6_1", "89_B5_1"]


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def answers(path, images):
    return session(path).run(None, {"images": images})


def torch_answers(net, images):
    with torch.no_grad():
        return [answer.numpy() for answer in Answering(net)(torch.from_numpy(images))]


def facts(path):
    return {prop.key: json.loads(prop.value) for prop in onnx.load(path).metadata_props}


def write(folder, out, precision="fp32", images=(), embedder=False, **save):
    run, net = save_run(folder, embedder, **save)
    model = replace(describe(run.checkpoint("best")), decision=None if embedder else DECISION)
    return net, write_onnx(out, net, about(model, net, run, "MIT", ["Anna"]), precision, images)


@pytest.mark.parametrize(("embedder", "pools"), [(False, None), (True, None), (False, {"map_pool": "gem"})])
def test_onnxruntime_answers_as_torch_does_at_any_size(tmp_path, embedder, pools):
    net, _ = write(tmp_path, tmp_path / "x.onnx", embedder=embedder, pools=pools, **NARROW)
    rng = np.random.default_rng(0)
    for shape in [(1, 4, 32, 32), (3, 4, 77, 130), (2, 4, 200, 64)]:
        images = rng.integers(0, 256, shape, np.uint8)
        found, expected = answers(tmp_path / "x.onnx", images), torch_answers(net, images)
        assert len(found) == (1 if embedder else 2)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_file_says_what_is_to_be_known(tmp_path):
    save = {"channels": "rgb", "target_pixel_size": 0.5, **NARROW}
    net, _ = write(tmp_path, tmp_path / "x.onnx", **save)
    said = facts(tmp_path / "x.onnx")
    assert said["labels"] == LABELS
    assert said["channels"] == ["red", "green", "blue"]
    assert (said["image_size"], said["crop_size"], said["pixel_size"]) == (40, 32, 0.5 * 40 / 32)
    assert said["decision"] == DECISION.to_plain()
    assert (said["licence"], said["authors"]) == ("MIT", ["Anna"])
    np.testing.assert_allclose(said["mean"], net.statistics.sum(0)[0], atol=1e-7)
    (images,) = session(tmp_path / "x.onnx").get_inputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(uint8)", ["N", 3, "H", "W"])
    assert [out.name for out in session(tmp_path / "x.onnx").get_outputs()] == ["probabilities", "features"]


def real_fields(folder, side):
    """Three fields of the Human Protein Atlas, (3, 4, side, side) uint8."""
    see = ValidTransform(side, side)
    fields = []
    for image_id in REAL:
        files = {color: next((folder / "data" / "fields").glob(f"{image_id}_{color}.*")) for color in rgby.COLORS}
        fields.append(see(rgby.read_channels(files, "auto"), 0))
    return np.stack(fields)


def test_real_fields_get_the_same_answers(tmp_path, shared):
    net, _ = write(tmp_path, tmp_path / "x.onnx", **NARROW)
    images = real_fields(shared, 256)
    for ours, theirs in zip(answers(tmp_path / "x.onnx", images), torch_answers(net, images), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "options"),
    [
        *[(arch, None) for arch in ("densenet121", "densenet121_large", "inceptionv3", "resnet34", "resnet18")],
        ("resnet50_arcface", None),
        ("timm/convnext_atto", None),
        ("timm/tf_efficientnet_lite0", None),
    ],
)
def test_every_arch_at_sizes_it_was_not_traced_with(tmp_path, arch, options):
    run, net = save_run(tmp_path, arch == "resnet50_arcface", arch=arch, options=options, image_size=128, crop_size=96)
    # As in a network that was trained, the statistics of its norms are those of what it sees.
    level = np.linspace(0.2, 1, 6)[:, None, None, None]
    images = (level * np.random.default_rng(0).integers(0, 256, (6, 4, 96, 96))).astype(np.uint8)
    net.train()
    with torch.no_grad():
        for _ in range(10):
            net(torch.from_numpy(images))
    net.eval()
    assert write_onnx(tmp_path / "x.onnx", net, about(describe(run.checkpoint("best")), net, run)) == []
    shapes = [(1, 4, 96, 96), (3, 4, 128, 160), (1, 4, 331, 75)]
    batches = [np.random.default_rng(1).integers(0, 256, shape, np.uint8) for shape in shapes]
    if folder := os.environ.get("HPA_LIT_SHARED"):
        batches.append(real_fields(Path(folder), 288))
    for images in batches:
        found, expected = answers(tmp_path / "x.onnx", images), torch_answers(net, images)
        for name, ours, theirs in zip(Answering(net).outputs, found, expected, strict=True):
            scale = 1 if name == "probabilities" else np.abs(theirs).max()
            np.testing.assert_allclose(ours, theirs, atol=1e-4 * scale)


def test_a_network_for_one_size_says_so(tmp_path):
    options = {"img_size": 32, "depth": 1, "embed_dim": 24, "num_heads": 2}
    net, lines = write(tmp_path, tmp_path / "x.onnx", arch="timm/vit_tiny_patch16_224", options=options)
    assert lines == ["timm/vit_tiny_patch16_224 is made for one size: images must be 32 x 32"]
    assert session(tmp_path / "x.onnx").get_inputs()[0].shape == ["N", 4, 32, 32]
    assert facts(tmp_path / "x.onnx")["any_size"] is False
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 32, 32), np.uint8)
    np.testing.assert_allclose(answers(tmp_path / "x.onnx", images)[0], torch_answers(net, images)[0], atol=1e-4)


@pytest.mark.parametrize(("precision", "smaller"), [("fp16", 0.7), ("int8", 0.6)])
def test_fewer_bits_make_smaller_files_and_near_answers(tmp_path, precision, smaller):
    wide = {"arch": "timm/resnet18", "options": {"channels": [16, 32, 64, 128]}}
    pictures = np.random.default_rng(0).integers(0, 256, (6, 4, 32, 32), np.uint8)
    net, _ = write(tmp_path, tmp_path / "whole.onnx", **wide)
    _, lines = write(tmp_path, tmp_path / "x.onnx", precision, list(pictures), **wide)
    assert (tmp_path / "x.onnx").stat().st_size < smaller * (tmp_path / "whole.onnx").stat().st_size
    found, expected = answers(tmp_path / "x.onnx", pictures)[0], torch_answers(net, pictures)[0]
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < (1e-2 if precision == "fp16" else 0.1)
    assert facts(tmp_path / "x.onnx")["precision"] == precision
    assert lines[0].startswith(f"{precision} changes answers by up to ")


def test_whole_numbers_need_images(tmp_path):
    with pytest.raises(InputError, match=r"precision=int8 sets its scale on images .* give images=DIR"):
        write(tmp_path, tmp_path / "x.onnx", "int8", **NARROW)


def test_a_network_that_onnx_does_not_render_is_refused(tmp_path):
    """What a graph cannot hold, as a branch on the pixels, shows when its answers are compared."""
    run, _ = save_run(tmp_path, **NARROW)
    net = build_classifier("timm/resnet18", 3, options=NARROW["options"]).eval()
    plain = net.features
    net.features = lambda images: plain(images) * (1.0 if torch.jit.is_tracing() else 2.0)
    with pytest.raises(InputError, match="answers otherwise in onnxruntime than in torch"):
        write_onnx(tmp_path / "x.onnx", net, about(describe(run.checkpoint("best")), net, run))
    assert not (tmp_path / "x.onnx").exists()


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Start the command in an empty folder; gives what it says."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit export", *words])
        export.main()
        return capsys.readouterr().out

    return start


def test_the_command_writes_into_the_run(command):
    save_run(Path("run"), **NARROW)
    save_pictures(Path("mine"), 3)
    said = command("run=run")
    assert said.strip().endswith("-> run/exports/best_onnx.onnx")
    command("run=run", "precision=int8", "images=mine")
    assert {path.name for path in Path("run/exports").iterdir()} == {"best_onnx.onnx", "best_onnx_int8.onnx"}
    with pytest.raises(SystemExit, match=r"best_onnx\.onnx is there already: choose another out"):
        command("run=run")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out=x.zip"], r"out=x\.zip: format=onnx makes a file whose name ends in \.onnx"),
        (["format=bundle", "precision=fp16"], "precision=fp16 is for format=onnx: leave it out"),
        (["format=bundle", "images=mine"], "images=DIR is for precision=int8 or fp16, and for format=bioimageio"),
        (["images=mine"], "images=DIR is for precision=int8 or fp16, and for format=bioimageio"),
        (["format=coreml"], "format=coreml: choose onnx, bioimageio or bundle"),
        (["precision=int8"], "give images=DIR"),
        (["precision=int8", "images=nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_exported(command, words, message):
    save_run(Path("run"), **NARROW)
    with pytest.raises(SystemExit, match=message):
        command("run=run", *words)
    assert not list(Path().glob("**/*.onnx"))
