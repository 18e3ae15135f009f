"""Bundles of trained models: the same answers anywhere, bit by bit."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from small_run import DECISION, LABELS, save_pictures, save_run

import hpa_lit
from hpa_lit import embed, export, predict
from hpa_lit.errors import InputError
from hpa_lit.files import bundle, prediction_file
from hpa_lit.files.tree import RunTree
from hpa_lit.inference.cells import cell_sizes, cell_surroundings
from hpa_lit.inference.model import describe
from hpa_lit.nets import build_classifier
from hpa_lit.portable import about, write_bundle
from hpa_lit.portable.bundle import config

NARROW = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Start a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def start(verb, *words):
        monkeypatch.setattr(sys, "argv", [f"hpa-lit {verb.__name__}", *words])
        verb.main()

    return start


def with_decision(path):
    content = torch.load(path)
    torch.save(content | {"decision": DECISION.to_plain()}, path)


def test_predictions_are_those_of_the_run_bit_by_bit(run):
    tree, _ = save_run(Path("run"), target_pixel_size=0.5, z="max", mean=[0.1, 0.2, 0.3, 0.4], std=[0.2] * 4, **NARROW)
    with_decision(tree.checkpoint("best"))
    save_pictures(Path("mine"), 5)
    tree.result.write_text(json.dumps({"score": 0.5}))
    tree.provenance.write_text(json.dumps({"starts": [{"data_hash": "abc"}]}))
    run(export, "run=run", "format=bundle", "out=model.zip", "licence=CC-BY-4.0", "authors=[Anna]")
    for which, out in (("run", "of_run.parquet"), ("model.zip", "of_bundle.parquet")):
        run(predict, f"run={which}", "images=mine", f"out={out}", "features=true", "trainer=cpu", "workers=0")
    ours, theirs = (prediction_file.read(Path(name)) for name in ("of_bundle.parquet", "of_run.parquet"))
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    np.testing.assert_array_equal(ours.features, theirs.features)
    assert (ours.ids, ours.labels, ours.run, ours.fold) == (theirs.ids, theirs.labels, theirs.run, theirs.fold)

    of_run, of_bundle = hpa_lit.load_model("run").model, hpa_lit.load_model("model.zip").model
    assert of_bundle.decision == of_run.decision == DECISION
    assert of_bundle.pixel_size == of_run.pixel_size == 0.5
    assert of_bundle.data["z"] == "max"
    said, _ = bundle.read(Path("model.zip"))
    assert said["about"]["metrics"] == {"score": 0.5}
    assert (said["about"]["data_hash"], said["about"]["licence"]) == ("abc", "CC-BY-4.0")
    assert str(Path.cwd()) not in Path("model.zip").read_bytes().decode(errors="ignore")


def test_a_network_of_cells_stays_one(run):
    """With its attention over bags, its mean over positions, and the size of the fields that it saw cells of."""
    save_run(Path("run"), pools={"pool": "attention", "map_pool": "gem"}, field_size=96, others="mask", **NARROW)
    save_pictures(Path("mine"), 3)
    run(export, "run=run", "format=bundle", "out=model.zip")
    for which, out in (("run", "of_run.parquet"), ("model.zip", "of_bundle.parquet")):
        run(predict, f"run={which}", "images=mine", f"out={out}", "trainer=cpu", "workers=0")
    ours, theirs = (prediction_file.read(Path(name)) for name in ("of_bundle.parquet", "of_run.parquet"))
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    model = hpa_lit.load_model("model.zip").model
    assert (cell_sizes(model), cell_surroundings(model)) == ((96, 40), "mask")
    net = model.load()
    assert net.pool is not None
    assert net.head.learnt is not None


def test_a_bundle_of_a_bundle_is_the_same_file(run):
    save_run(Path("run"), embedder=True, **NARROW)
    run(export, "run=run", "format=bundle", "out=a.zip")
    run(export, "run=a.zip", "format=bundle", "out=b.zip")
    assert Path("a.zip").read_bytes() == Path("b.zip").read_bytes()


def test_an_embedder_travels_too(run):
    save_run(Path("face"), embedder=True, **NARROW)
    save_pictures(Path("mine"), 2)
    run(export, "run=face", "format=bundle", "out=face.zip")
    for which in ("face", "face.zip"):
        run(embed, f"run={which}", "images=mine", f"out={which[:5]}x.parquet", "trainer=cpu", "workers=0")
    ours, theirs = (prediction_file.read(path) for path in sorted(Path().glob("*x.parquet")))
    np.testing.assert_array_equal(ours.features, theirs.features)


def test_a_checkpoint_of_the_reference_becomes_one(tmp_path):
    """Its tensors by our names, and the sizes that the command line said."""
    net = build_classifier("resnet18").eval()
    names = {"head.norm1": "bn1", "head.linear1": "fc1", "head.norm2": "bn2", "classifier": "logit"}
    state = {}
    for key, tensor in net.state_dict().items():
        layer, _, rest = key.rpartition(".")
        if key.startswith("backbone.net."):
            state[key.replace("backbone.net.", "resnet.")] = tensor
        elif key != "statistics":
            state[f"{names[layer]}.{rest}"] = tensor
    torch.save({"state_dict": state}, tmp_path / "f.pth")
    seen = {"image_size": 40, "crop_size": 32, "bits": "auto"}
    model = describe(tmp_path / "f.pth", {"arch": "resnet18"}, seen)
    loaded = model.load().eval()
    write_bundle(tmp_path / "x.zip", model, loaded, about(model, loaded, RunTree(tmp_path / "none")))
    assert str(tmp_path) not in (tmp_path / "x.zip").read_bytes().decode(errors="ignore")
    of_bundle = hpa_lit.load_model(tmp_path / "x.zip")
    images = torch.randint(256, (2, 4, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(of_bundle.net(images), net(images))
    assert of_bundle.model.data["image_size"] == 40


@pytest.fixture
def made(run):
    """A bundle, and a way to make others of it that are whole by their checksums."""
    save_run(Path("run"), **NARROW)
    run(export, "run=run", "format=bundle", "out=model.zip")
    description, weights = bundle.read(Path("model.zip"))

    def remake(change):
        state = safetensors.torch.load(weights)
        change(description, state)
        bundle.write(Path("model.zip"), description, safetensors.torch.save(state))

    return remake


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said, state: state.pop("classifier.bias"), "missing: classifier.bias"),
        (lambda said, state: state.update(more=torch.zeros(1)), "unexpected: more"),
        (lambda said, state: said["config"]["labels"].pop(), "it has 2 labels for 3 answers"),
        (lambda said, state: said.update(decision={"labels": []}), "the decision cannot be used"),
        (lambda said, state: said.update(decision=DECISION.to_plain() | {"labels": ["a", "b", "c"]}), "other labels"),
        (lambda said, state: said["config"]["arch"].update(arch="timm/none"), "there is no arch"),
        (
            lambda said, state: said["config"]["arch"].update(options={"checkpoint_path": "run/checkpoints/best.ckpt"}),
            "arch.options cannot hold checkpoint_path",
        ),
    ],
)
def test_a_whole_file_of_a_broken_model_is_refused(made, change, message):
    made(change)
    with pytest.raises(InputError, match=message):
        hpa_lit.load_model("model.zip")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run=model.zip", "epoch=3"], r"epoch=3: model\.zip holds one checkpoint, leave epoch out"),
        (["run=model.zip", "dataset=valid"], "does not say which images it was validated on"),
        (["run=none.zip"], r"none\.zip does not exist"),
        (["run=run/x.zip"], r"x\.zip cannot be read as a bundle: it is cut off"),
        (["run=model.zip", "arch=resnet34"], "leave arch out, it knows"),
    ],
)
def test_what_a_bundle_cannot_do(made, run, words, message):
    with zipfile.ZipFile("run/x.zip", "w") as archive:
        archive.writestr("a.txt", "no model")
    save_pictures(Path("mine"), 1)
    with pytest.raises(SystemExit, match=message):
        run(predict, *words, *([] if "dataset=valid" in words else ["images=mine"]), "out=x.csv", "trainer=cpu")


def test_networks_of_others_cannot_be_bundled(tmp_path):
    tree, net = save_run(tmp_path, **NARROW)
    content = torch.load(tree.checkpoint("best"))
    content["config"]["arch"]["_target_"] = "mine.Net"
    torch.save(content, tree.checkpoint("best"))
    model = describe(tree.checkpoint("best"), trust=True)
    assert config(model)["labels"] == LABELS
    with pytest.raises(InputError, match=r"small was built by mine\.Net: a bundle holds networks of hpa_lit alone"):
        write_bundle(tmp_path / "x.zip", model, net, about(model, net, tree))
