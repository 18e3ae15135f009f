"""Checkpoints that are damaged, planted, or that a disk has no room for."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import save_pictures
from test_tasks_resuming import TinyNet, fit

from hpa_lit.data.dataset import Examples
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.inference import describe
from hpa_lit.losses import FocalLoss
from hpa_lit.tasks import CheckpointFiles, ClassifyTask, newest_whole
from hpa_lit.tasks.checkpoint_files import read_whole


class Planted:
    """A pickle that runs a command where it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def cut(path, mark):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path, mark):
    path.write_bytes(b"")


def flip(path, mark):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def plant(path, mark):
    path.write_bytes(pickle.dumps(Planted(mark)))


def plant_in_zip(path, mark):
    torch.save({"state_dict": Planted(mark)}, path)


def other(path, mark):
    torch.save({"weight": torch.zeros(1)}, path)


DAMAGES = [cut, empty, flip, plant, plant_in_zip, other]


def fit_small(folder, epochs):
    """Train a tiny network; what an image folder, a loss and a rate are made of, `test_tasks_resuming` says."""
    images = rgby.list_images(folder / "images")
    targets = np.random.default_rng(0).integers(0, 2, (len(images), 5)).astype(np.uint8)
    fit(Examples(list(images), list(images.values()), targets), folder, 0, epochs, plugins=[CheckpointFiles()])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_pictures(folder / "images", 8)
    fit_small(folder, 3)
    return RunTree(folder)


@pytest.fixture
def run(trained, tmp_path):
    """A run of three epochs, of which the first is the best."""
    shutil.copytree(trained.folder / "checkpoints", tmp_path / "checkpoints")
    run = RunTree(tmp_path)
    for name in ("last", "best"):
        run.checkpoint(name).unlink()
        os.link(run.checkpoint(3 if name == "last" else 1), run.checkpoint(name))
    return run


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_whole_checkpoint_is_gone_on_from(run, damage):
    mark = run.folder / "ran"
    assert newest_whole(run) == (run.checkpoint("last"), [])
    damage(run.checkpoint("last"), mark)  # and with it its other name
    path, broken = newest_whole(run)
    assert path == run.checkpoint(2)
    assert [sentence.split()[0] for sentence in broken] == [str(run.checkpoint("last")), str(run.checkpoint(3))]
    assert not any("weights_only" in sentence or "\n" in sentence for sentence in broken)
    assert not mark.exists()


def test_the_best_is_the_last_resort(run):
    for path in (*run.numbered_checkpoints(), run.checkpoint("last")):
        path.unlink()
    path, broken = newest_whole(run)
    assert (path, broken) == (run.checkpoint("best"), [])


def test_where_none_is_whole_nothing_is_begun_anew(run):
    for path in (*run.numbered_checkpoints(), run.checkpoint("last"), run.checkpoint("best")):
        cut(path, None)
    with pytest.raises(InputError, match=r"none of the run's checkpoints can be gone on from; .* tag=NAME") as refused:
        newest_whole(run)
    assert "epoch_002.ckpt" in str(refused.value)
    assert newest_whole(RunTree(run.folder / "new")) == (None, [])


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", DAMAGES)
def test_lightning_reads_no_other(run, damage):
    mark, path = run.folder / "ran", run.checkpoint("last")
    assert CheckpointFiles().load_checkpoint(path, weights_only=False)["epoch"] == 2
    damage(path, mark)
    with pytest.raises(InputError, match=str(path)):
        CheckpointFiles().load_checkpoint(path, weights_only=False)
    assert not mark.exists()


def test_a_checkpoint_of_another_network_is_refused(run):
    content = torch.load(run.checkpoint("last"), weights_only=True)
    content["state_dict"]["net.linear.weight"] = torch.zeros(7, 6)
    task = ClassifyTask(TinyNet(), FocalLoss(), torch.optim.Adam, lambda epoch: 1e-2)
    with pytest.raises(InputError, match=r"shape: net.linear.weight is \(7, 6\), the network has \(5, 6\)"):
        task.on_load_checkpoint(content)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", [plant, plant_in_zip])
def test_predicting_runs_no_code_of_a_checkpoint(tmp_path, damage):
    path, mark = tmp_path / "planted.ckpt", tmp_path / "ran"
    damage(path, mark)
    with pytest.raises(InputError, match="holds more than tensors and plain values") as refused:
        describe(path)
    assert "weights_only" not in str(refused.value)
    assert not mark.exists()


def test_a_network_that_is_a_command_is_not_run(run, tmp_path):
    mark = tmp_path / "ran"
    arch = {"_target_": "os.system", "arch": "resnet18", "command": f"touch {mark}"}
    config = {
        "run_name": "small",
        "fold": 0,
        "split": "x",
        "arch": arch,
        "num_classes": 2,
        "targets": "labels",
        "labels": ["a", "b"],
    }
    config["data"] = {"_target_": "hpa_lit.data.FolderDataModule", "image_size": 40, "crop_size": 32, "bits": "auto"}
    torch.save({"state_dict": {}, "config": config}, tmp_path / "x.ckpt")
    with pytest.raises(InputError, match=r"built by os\.system, which is not part of hpa_lit"):
        describe(tmp_path / "x.ckpt").load()
    assert not mark.exists()


FULL = """
import sys, torch
from pathlib import Path
from test_tasks_checkpoint_files import fit_small
from small_run import save_pictures
from hpa_lit.errors import InputError
folder = Path(sys.argv[1])
save_pictures(folder / "images", 8)
size = 0
try:
    fit_small(folder, 100)
except InputError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_whole_checkpoints_and_is_said(tmp_path):
    """Not in the system's temporary folder, where Lightning would write."""
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"', str(tmp_path)]
    if sys.platform != "linux" or subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    look = f"cp -r {tmp_path}/checkpoints {tmp_path.parent}/seen"
    program = [sys.executable, "-c", FULL, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    script = ["sh", "-c", f'"$@" && {look}', "sh", *program]
    done = subprocess.run([*mount, *script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    seen = tmp_path.parent / "seen"
    names = sorted(path.name for path in seen.iterdir())
    epochs = len(names) - 2
    assert names == ["best.ckpt", *(f"epoch_{epoch:03d}.ckpt" for epoch in range(1, epochs + 1)), "last.ckpt"]
    assert read_whole(seen / "last.ckpt")["epoch"] == epochs - 1
    full = tmp_path / "checkpoints" / f"epoch_{epochs + 1:03d}.ckpt"
    assert done.stdout.splitlines()[-1].startswith(f"{full} cannot be written: No space left on device: ")
