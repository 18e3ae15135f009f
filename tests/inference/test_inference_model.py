"""Checkpoints: what they hold is found in them, and what they do not say is asked for."""

import numpy as np
import pytest
import torch
from small_run import DECISION, LABELS, save_run

from hpa_lit.errors import InputError
from hpa_lit.files.tree import OutputTree
from hpa_lit.inference.finding import find_checkpoint
from hpa_lit.inference.model import describe
from hpa_lit.labels import LABEL_NAMES

I40 = {"name": "i40", "image_size": 40, "crop_size": 32, "bits": "auto"}
OUTPUTS = OutputTree("outputs")


def test_a_run_says_all_by_itself(tmp_path):
    run, net = save_run(tmp_path)
    path, home = find_checkpoint(str(tmp_path), "best", None, OUTPUTS)
    assert home == run
    model = describe(path)
    assert (model.run, model.fold, model.labels) == ("small", 1, tuple(LABELS))
    loaded = model.load().state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in net.state_dict().items())


def test_what_the_command_line_says_replaces_what_the_run_says(tmp_path):
    run, _ = save_run(tmp_path)
    folder = {"name": "folder", "image_size": None, "crop_size": 512, "bits": 12}
    model = describe(run.checkpoint("best"), None, folder, {"bits"})
    assert (model.data["image_size"], model.data["crop_size"], model.data["bits"]) == (40, 32, 12)


@pytest.mark.parametrize(
    ("run", "epoch", "checkpoint", "message"),
    [
        ("{run}", 45, None, r"has no checkpoint epoch_045\.ckpt; it has best, epoch_002"),
        ("{run}", "first", None, "epoch=first: choose best, last, or the number"),
        ("{run}/none", "best", None, "it is no folder of a training run"),
        (None, "best", None, "say which model"),
        ("{run}", "best", "x.pth", "say which model"),
    ],
)
def test_no_such_checkpoint(tmp_path, run, epoch, checkpoint, message):
    save_run(tmp_path)
    save_run(tmp_path, epoch=2)
    with pytest.raises(InputError, match=message):
        find_checkpoint(run and run.format(run=tmp_path), epoch, checkpoint, OUTPUTS)


def legacy_file(path, state):
    torch.save({"state_dict": {f"module.{key}": tensor for key, tensor in state.items()}, "epoch": 45}, path)
    return path


@pytest.mark.parametrize(
    ("arch", "data", "message"),
    [
        (None, I40, "arch=densenet121_large data=i1536"),
        ({"arch": "resnet18"}, None, "arch=densenet121_large data=i1536"),
        ({"arch": "resnet18"}, {**I40, "image_size": None}, "data.image_size=1536"),
        ({"arch": "resnet18"}, {**I40, "label_list": ["a", "b"]}, "answers 28 labels and the label list has 2"),
    ],
)
def test_a_checkpoint_of_the_reference_does_not_say_all(tmp_path, arch, data, message):
    path = legacy_file(tmp_path / "f.pth", {"logit.weight": torch.zeros(28, 512)})
    with pytest.raises(InputError, match=message):
        describe(path, arch, data)


def test_files_that_are_no_checkpoints(tmp_path):
    path = legacy_file(tmp_path / "f.pth", {"conv.weight": torch.zeros(2)})
    with pytest.raises(InputError, match=r"no tensor logit\.weight"):
        describe(path, {"arch": "resnet18"}, I40)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as weights"):
        describe(path)
    with pytest.raises(InputError, match="there is no file"):
        describe(tmp_path / "none.ckpt")


def test_another_arch_or_data_is_refused(tmp_path):
    run, _ = save_run(tmp_path)
    with pytest.raises(InputError, match=r"arch=resnet34: .* holds a resnet18"):
        describe(run.checkpoint("best"), {"arch": "resnet34"})
    with pytest.raises(InputError, match=r"data=i768: .* was trained on i40"):
        describe(run.checkpoint("best"), None, {"name": "i768", "root": "data"})


def test_a_checkpoint_may_know_how_its_probabilities_become_answers(tmp_path):
    run, _ = save_run(tmp_path)
    assert describe(run.checkpoint("best")).decision is None
    content = torch.load(run.checkpoint("best"))
    content["decision"] = DECISION.to_plain()
    torch.save(content, run.checkpoint("best"))
    assert describe(run.checkpoint("best")).decision == DECISION
    torch.save({**content, "decision": {**content["decision"], "images": 0}}, run.checkpoint("best"))
    with pytest.raises(InputError, match=r"best\.ckpt: the decision cannot be used: images: .* take another"):
        describe(run.checkpoint("best"))
    content["config"]["labels"] = ["bright", "dark", "grey"]
    torch.save(content, run.checkpoint("best"))
    with pytest.raises(InputError, match="about other labels"):
        describe(run.checkpoint("best"))


def test_an_embedder_needs_no_labels(tmp_path):
    run, _ = save_run(tmp_path, embedder=True)
    content = torch.load(run.checkpoint("best"))
    del content["config"]["labels"]
    torch.save(content, run.checkpoint("best"))
    assert describe(run.checkpoint("best")).labels == ()
    torch.save({**content, "decision": DECISION.to_plain()}, run.checkpoint("best"))
    with pytest.raises(InputError, match="about other labels"):
        describe(run.checkpoint("best"))


def test_weights_of_another_network_are_named(tmp_path):
    run, _ = save_run(tmp_path)
    content = torch.load(run.checkpoint("best"))
    content["config"]["num_classes"] = 4
    content["config"]["labels"].append("another")
    torch.save(content, run.checkpoint("best"))
    with pytest.raises(InputError, match=r"classifier.weight is \(3, 512\), the network has \(4, 512\)"):
        describe(run.checkpoint("best")).load()


def test_a_legacy_embedder_sees_whole_images(tmp_path):
    path = legacy_file(tmp_path / "face.pth", {"arc_margin_product.weight": torch.zeros(50, 512)})
    model = describe(path, {"arch": "resnet50_arcface"}, I40)
    assert (model.num_classes, model.labels, model.data["crop_size"]) == (50, (), None)
    path = legacy_file(tmp_path / "f.pth", {"logit.weight": torch.zeros(28, 512)})
    model = describe(path, {"arch": "resnet18"}, I40)
    assert (model.labels, model.data["crop_size"]) == (LABEL_NAMES, 32)
    assert np.array_equal(describe(path, {"arch": "resnet18"}, {**I40, "label_list": [*range(28)]}).labels, LABEL_NAMES)
