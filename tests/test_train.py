"""Training through its command and its parts, on tiny pictures."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from PIL import Image
from test_configs import composed

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.planned_run import FREE_KEYS
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import RunTree
from hpa_lit.inference import describe, find_images
from hpa_lit.train import TrainSettings, fit, load_data, refuse_older

TINY = (
    "experiment=small",
    "data=folder",
    "data.crop_size=32",
    "data.workers=0",
    "batch_size=4",
    "scheduler.epochs=2",
    "arch.dropout=[0.0,0.0]",
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twenty pictures of 40 x 40 as PNG planes; label 0 is bright green, label 1 is dark."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    rows = []
    for row in range(20):
        label = row % 2
        for color in rgby.COLORS:
            level = (40 if label else 200) if color == "green" else 100
            pixels = rng.integers(level - 30, level + 30, (40, 40)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"i{row:02}_{color}.png")
        rows.append((f"i{row:02}", str(label)))
    pd.DataFrame(rows, columns=["Id", "Target"]).to_csv(folder / "labels.csv", index=False)
    return folder


def arguments(pictures, outputs, *more):
    return [
        *TINY,
        f"data.images={pictures}",
        f"data.labels={pictures / 'labels.csv'}",
        "data.label_list=[bright,dark]",
        f"paths.outputs={outputs}",
        *more,
    ]


def command(*parts):
    return subprocess.run([sys.executable, "-m", "hpa_lit.train", *parts], capture_output=True, text=True, timeout=500)


def of(*words):
    return TrainSettings.of(OmegaConf.create(composed(*words)))


def settings(pictures, outputs, *more):
    return of(*arguments(pictures, outputs, *more))


def train(config, run):
    config, data = load_data(config, run)
    return fit(config.plain(), ranks.trainer_arguments(config.trainer.model_dump()), run, data)


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    outputs = tmp_path_factory.mktemp("outputs")
    done = command(*arguments(pictures, outputs))
    assert done.returncode == 0, done.stderr
    return RunTree(outputs / "train" / "small_folder" / "fold0"), done


def test_a_run_leaves_config_checkpoints_and_curves(trained):
    run, done = trained
    names = sorted(path.name for path in (run.folder / "checkpoints").iterdir())
    assert names == ["best.ckpt", "epoch_001.ckpt", "epoch_002.ckpt", "last.ckpt"]
    assert run.config.is_file()
    assert not (run.folder / ".hydra").exists()
    assert list((run.folder / "tensorboard").rglob("events*"))
    curves = pd.read_csv(run.folder / "csv" / "version_0" / "metrics.csv")
    logged = curves.groupby("epoch").first()
    assert logged.index.tolist() == [1, 2]
    assert logged["lr"].tolist() == pytest.approx([1e-3, 1e-3])
    for metric in ("train/loss", "train/accuracy", "valid/loss", "valid/accuracy", "valid/focal", "valid/macro_f1"):
        assert logged[metric].notna().all()
    assert f"valid/focal {logged['valid/focal'].min():.4f}" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for line, focal, f1 in zip(lines, logged["valid/focal"], logged["valid/macro_f1"], strict=True):
        assert f"  valid/focal {focal:.4f}  macro F1 {f1:.4f}  rate 1e-3  " in line
        assert line.endswith("  best") == (focal == logged["valid/focal"].cummin()[int(line[6])])
    assert "\r" not in done.stdout + done.stderr
    assert not (run.folder / ".lock").exists()
    assert "16 images to train on, 4 to validate on" in done.stdout


def test_a_run_says_how_it_was_made(trained):
    run, _ = trained
    story = json.loads(run.provenance.read_text())
    (start,) = story["starts"]
    assert story["finished"]
    assert 0 < story["wall_seconds"] == start["wall_seconds"] < 500
    assert start["command"].startswith("hpa-lit train experiment=small")
    assert torch.__version__.startswith(start["versions"]["torch"])
    assert start["hardware"]["cores"] >= 1
    assert start["images"] == {"train": 16, "valid": 4}
    assert start["after"] is None
    assert len(start["config_hash"]) == len(start["data_hash"]) == 64


def test_runs_says_how_far_it_came_and_how_good_it_is(trained):
    run, _ = trained
    line = [sys.executable, "-m", "hpa_lit.runs", f"root={run.folder.parents[2]}", "--json"]
    (found,) = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    result, config = json.loads(run.result.read_text()), OmegaConf.load(run.config)
    assert (found["folder"], found["state"], found["recipe"]) == (str(run.folder), "finished", "small")
    assert (found["epoch"], found["epochs"]) == (result["epochs"], config.scheduler.epochs)
    assert (found["metric"], found["best"], found["best_epoch"]) == (
        result["monitor"],
        result["score"],
        result["best_epoch"],
    )
    run.result.rename(run.folder / "away")
    try:  # as while it was running: by its logs
        (by_logs,) = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    finally:
        (run.folder / "away").rename(run.result)
    assert by_logs["best"] == pytest.approx(result["score"])
    assert by_logs | {"best": 0} == found | {"best": 0}


@pytest.mark.slow
def test_own_callbacks_leave_the_lines_and_an_own_bar_replaces_ours(pictures, tmp_path, capsys):
    more = ["scheduler.epochs=1", "+callbacks.bar._target_=pytorch_lightning.callbacks.TQDMProgressBar"]
    train(settings(pictures, tmp_path, *more), RunTree(tmp_path / "run"))
    out, err = capsys.readouterr()
    assert len(re.findall("^.*epoch 1/1  loss", out, re.MULTILINE)) == 1
    assert "Epoch 0" in out + err  # Lightning's, as asked for


def test_checkpoints_load_safely_and_hold_their_config(trained):
    run, _ = trained
    checkpoint = torch.load(run.checkpoint("best"), weights_only=True)
    assert checkpoint["config"]["labels"] == ["bright", "dark"]
    assert checkpoint["config"]["data"]["image_size"] == 40
    assert any(key.startswith("net.backbone") for key in checkpoint["state_dict"])


def test_the_same_command_goes_on_where_it_stopped(trained, pictures, tmp_path):
    run, _ = trained
    stopped = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    (stopped.folder / "checkpoints").mkdir(parents=True)
    for name in ("epoch_001", "last", "best"):  # as a run killed in its second epoch leaves it
        shutil.copy(run.checkpoint(1), stopped.folder / "checkpoints" / f"{name}.ckpt")
    done = command(*arguments(pictures, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "going on from" in done.stdout
    assert json.loads(stopped.provenance.read_text())["starts"][0]["after"] == "epoch_001"
    whole, resumed = (torch.load(r.checkpoint(2), weights_only=True) for r in (run, stopped))
    assert whole["global_step"] == resumed["global_step"] == 8
    torch.testing.assert_close(resumed["state_dict"], whole["state_dict"], rtol=0, atol=0)
    assert whole["callbacks"] == resumed["callbacks"]


def test_a_damaged_last_checkpoint_is_said_and_the_newest_whole_one_gone_on_from(trained, pictures, tmp_path, capsys):
    run, _ = trained
    other = RunTree(tmp_path / "run")
    shutil.copytree(run.folder / "checkpoints", other.folder / "checkpoints")
    for path in (other.checkpoint("last"), other.checkpoint(2)):
        path.write_bytes(path.read_bytes()[:-1000])
    train(settings(pictures, tmp_path), other)
    said = capsys.readouterr().out
    assert re.search(rf"{other.checkpoint('last')} cannot be read .*; going on from {other.checkpoint(1)}\n", said)
    one, two = (torch.load(run.checkpoint("last"), weights_only=True) for run in (run, other))
    torch.testing.assert_close(two["state_dict"], one["state_dict"], rtol=0, atol=0)


def test_a_loss_that_is_no_number_ends_the_training_in_a_sentence(pictures, tmp_path):
    done = command(*arguments(pictures, tmp_path, "scheduler.rates=[[1,1e30]]"))
    assert done.returncode == 2
    assert re.fullmatch(r"error: the (training|validation) loss (of|after) epoch 1.* is nan: .*\n", done.stderr)
    assert not list(tmp_path.rglob("*.ckpt"))
    assert not list(tmp_path.rglob("result.json"))


def test_another_config_in_the_same_folder_is_refused(trained, pictures):
    run, _ = trained
    outputs = run.folder.parents[2]
    config = settings(pictures, outputs, "seed=3")
    config, _ = load_data(config, run)
    with pytest.raises(InputError, match=r"seed: 0 there, 3 now") as error:
        claim(run.config, config.plain(), "tag=NAME", FREE_KEYS)
    assert "tag=" in str(error.value)


def test_a_run_of_an_older_version_is_not_gone_on_with(tmp_path):
    run = RunTree(tmp_path)
    run.config.write_text("scheduler: {name: adam45, epochs: 45}\n")
    with pytest.raises(InputError, match=r"a version before 0\.2, .* tag=NAME trains anew"):
        refuse_older(run)


def test_where_it_runs_may_change(trained, pictures):
    run, _ = trained
    config = settings(pictures, run.folder.parents[2], "data.workers=3")
    config, _ = load_data(config, run)
    claim(run.config, config.plain(), "tag=NAME", FREE_KEYS)


def test_keep_epochs_limits_the_numbered_checkpoints(pictures, tmp_path):
    config = settings(pictures, tmp_path, "keep_epochs=1", "scheduler.epochs=3")
    run = RunTree(tmp_path / "run")
    train(config, run)
    assert [path.name for path in run.numbered_checkpoints()] == ["epoch_003.ckpt"]
    best, last = (torch.load(run.checkpoint(name), weights_only=True) for name in ("best", "last"))
    assert last["epoch"] == 2
    assert best["callbacks"]["Checkpoints"]["best_epoch"] == best["epoch"] + 1


def test_a_network_without_yellow(pictures, tmp_path):
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    for path in folder.glob("*_yellow.png"):
        path.unlink()
    config = settings(folder, tmp_path, "scheduler.epochs=1")
    with pytest.raises(InputError, match=r"20 of 20 images are not complete .* by data\.channels=rgb:"):
        load_data(config, RunTree(tmp_path / "run"))
    config = settings(folder, tmp_path, "scheduler.epochs=1", "data.channels=rgb", "data.mean=[0.1,0.2,0.3,0.4]")
    run = RunTree(tmp_path / "run")
    train(config, run)
    model = describe(run.checkpoint("best"))
    assert model.channels == "rgb"
    net = model.load()
    assert net.backbone.net.conv1.in_channels == 3
    torch.testing.assert_close(net.statistics.sum(0)[0], torch.tensor([0.1, 0.2, 0.3]))


@pytest.mark.slow
def test_fast_ways_together(trained, pictures, tmp_path):
    fast = ["compile=true", "channels_last=true", "trainer.precision=bf16-mixed", "trainer.accumulate_grad_batches=2"]
    config = settings(pictures, tmp_path, *fast)
    run = RunTree(tmp_path / "run")
    train(config, run)
    plain, other = (torch.load(r.checkpoint("last"), weights_only=True) for r in (trained[0], run))
    assert other["state_dict"].keys() == plain["state_dict"].keys()
    assert other["global_step"] == plain["global_step"] / 2
    assert all(torch.isfinite(value).all() for value in other["state_dict"].values())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["fold=5"], "data.folds=5 makes folds 0 to 4"),
        (["fold=x"], "fold=x: give a whole number from 0 on"),
        (["data.images=EMPTY"], "there is no image in .*, which holds nothing: expected"),
        (["data.images=/nowhere"], "there is no image folder /nowhere"),
        (["batch_size=17"], "16 training images do not fill a batch of 17: set batch_size=16 or lower"),
        (["data.crop_size=64"], "data.crop_size=64 is larger than the images, 40"),
        (["data.label_list=[bright]"], "row 3: Id 'i01' has the label '1'"),
        (["data=i768"], "there is no fold 0 of split"),
        (["task=embed", "arch=resnet50_arcface"], "task=embed learns the antibodies of the atlas"),
    ],
)
def test_bad_input_is_found_before_training(pictures, tmp_path, more, message):
    (tmp_path / "EMPTY").mkdir()
    words = [word.replace("EMPTY", f"{tmp_path}/EMPTY") for word in more]
    words = arguments(pictures, tmp_path, *words)
    if "data=i768" in more:
        words = ["experiment=small", "data=i768", f"paths.root={tmp_path}"]
    with pytest.raises(InputError, match=message):
        load_data(of(*words), RunTree(tmp_path / "run"))


def test_a_damaged_plane_is_named_and_nothing_is_written(pictures, tmp_path):
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    (folder / "i03_green.png").unlink()
    (folder / "i04_red.png").unlink()
    done = command(*arguments(folder, tmp_path / "out"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: 2 of 20 images are not complete")
    assert "i03: no green plane" in done.stderr
    assert "i04: no red plane" in done.stderr
    assert not list((tmp_path / "out").rglob("*.*"))


DAMAGED = "error: i05: .*i05_blue.png cannot be read: .*; replace the file, or remove the image from the table\n"


@pytest.fixture
def damaged(pictures, tmp_path):
    """The same pictures, one of which has zeros where its pixels end, which a look at headers does not see."""
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    content = bytearray((folder / "i05_blue.png").read_bytes())
    content[len(content) // 2 : -12] = bytes(len(content) - 12 - len(content) // 2)
    (folder / "i05_blue.png").write_bytes(content)
    return folder


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_worker_cannot_read_is_said_in_a_sentence(damaged, tmp_path, workers):
    done = command(*arguments(damaged, tmp_path / "out", f"data.workers={workers}"))
    assert done.returncode == 2
    assert len(re.findall(DAMAGED, done.stderr)) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_any_rank_may_say_it(damaged, tmp_path):
    done = command(*arguments(damaged, tmp_path / "out", "trainer=ddp", "trainer.devices=2"))
    assert done.returncode == 2
    assert re.search(DAMAGED, done.stderr)
    assert "Traceback" not in done.stderr


def test_missing_values_are_all_named(tmp_path):
    done = command("data=folder", "trainer=cpu", f"paths.outputs={tmp_path}")
    assert done.returncode == 2
    for key in ("batch_size", "data.images", "data.labels"):
        assert key in done.stderr


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused(pictures, tmp_path):
    done = command(*arguments(pictures, tmp_path, "trainer=ddp", "trainer.devices=3"))
    assert done.returncode == 2
    assert "batch_size=4 counts the images on all devices together and cannot be shared among 3" in done.stderr


@pytest.mark.slow
def test_batch_norm_over_processes_of_the_cpu_is_refused(pictures, tmp_path):
    done = command(*arguments(pictures, tmp_path, "trainer=ddp", "trainer.devices=2", "trainer.sync_batchnorm=true"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: trainer.sync_batchnorm=true needs a GPU for each process")
    assert not list((tmp_path / "train").rglob("*.*"))


def test_folds_of_the_prepared_atlas(tmp_path):
    tree = DataTree(tmp_path)
    rng = np.random.default_rng(0)
    for image_set, ids in (("train", ["a", "b", "c"]), ("external", ["a", "d"])):
        for image_id in ids:
            pixels = rng.integers(0, 256, (40, 40, 4), np.uint8)
            rgby.write(tree.images(image_set, 40) / f"{image_id}.tif", pixels, image_id)
    sides = {"train": [("a", "0 3", False), ("d", "5", True)], "valid": [("b", "27", False), ("a", "1", True)]}
    for side, rows in sides.items():
        tree.fold("mine", 2, side).parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=["Id", "Target", "External"]).to_parquet(tree.fold("mine", 2, side))
    sizes = ["data=i512", "data.image_size=40", "data.crop_size=32", "batch_size=2"]
    atlas = ["experiment=small", *sizes, f"paths.root={tmp_path}"]
    _, data = load_data(of(*atlas, "split=mine", "fold=2"), RunTree(tmp_path / "run"))
    train, valid, _ = data.sides
    assert [list(np.flatnonzero(row)) for row in train.targets] == [[0, 3], [5]]
    assert [files["rgby"] for files in valid.files] == [
        tree.images("train", 40) / "b.tif",
        tree.images("external", 40) / "a.tif",
    ]
    with pytest.raises(InputError, match="mine has fold2"):
        load_data(of(*atlas, "split=mine", "fold=1"), RunTree(tmp_path / "run"))


ENTRIES = ["checkpoints", "config.yaml", "csv", "result.json", "run.json", "sides.csv", "tensorboard"]


@pytest.mark.slow
def test_ddp_on_one_device_is_one_process(trained, pictures, tmp_path):
    done = command(*arguments(pictures, tmp_path, "trainer=ddp", "trainer.devices=1"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    one, other = (
        torch.load(run.checkpoint("last"), weights_only=True)["state_dict"]
        for run in (trained[0], RunTree(tmp_path / "train" / "small_folder" / "fold0"))
    )
    torch.testing.assert_close(other, one, rtol=0, atol=0)


@pytest.mark.slow
def test_a_sweep_with_ranks_runs_the_folds_in_their_folders(pictures, tmp_path):
    done = command("-m", *arguments(pictures, tmp_path, "fold=0,1", "trainer=ddp", "trainer.devices=2"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["multirun.yaml", "small_folder"]
    folders = sorted((tmp_path / "train" / "small_folder").iterdir())
    assert [folder.name for folder in folders] == ["fold0", "fold1"]
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == ENTRIES
        assert RunTree(folder).checkpoint(2).is_file()
        assert len(list((folder / "csv").iterdir())) == 1
    assert done.stdout.count("best epoch") == 2


@pytest.mark.slow
def test_a_sweep_as_jobs_of_a_cluster(pictures, tmp_path):
    cluster = ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"]
    ranks_each = ["trainer=ddp", "trainer.devices=2", "scheduler.epochs=1"]
    done = command("-m", *arguments(pictures, tmp_path, "fold=0,1", *ranks_each, *cluster))
    assert done.returncode == 0, done.stderr
    for fold in (0, 1):
        assert RunTree(tmp_path / "train" / "small_folder" / f"fold{fold}").checkpoint(1).is_file()


@pytest.mark.slow
def test_torchrun_starts_single_runs_and_no_sweeps(pictures, tmp_path):
    torchrun = [str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node", "2"]
    run = [*torchrun, "-m", "hpa_lit.train", *arguments(pictures, tmp_path, "trainer=ddp")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stderr
    assert RunTree(tmp_path / "train" / "small_folder" / "fold0").checkpoint(2).is_file()
    sweep = [*torchrun, "-m", "hpa_lit.train", "-m", *arguments(pictures, tmp_path, "trainer=ddp", "fold=0,1")]
    done = subprocess.run(sweep, capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode != 0
    assert "error: a sweep under torchrun would run whole in every one of its processes" in done.stderr


@pytest.mark.slow
def test_small_learns_the_real_tiles(shared, tmp_path):
    """The example of the README: macro F1 of at least 0.9 on held-out tiles of two real fields."""
    tiles = shared / "data" / "tiles"
    done = command(
        "experiment=small",
        "data=folder",
        f"data.images={tiles}",
        f"data.labels={tiles / 'train.csv'}",
        "data.label_list=[6,25]",
        "fold=0",
        f"paths.outputs={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    curves = pd.read_csv(next(tmp_path.rglob("metrics.csv")))
    assert curves["valid/macro_f1"].dropna().iloc[-1] >= 0.9


@pytest.mark.slow
def test_an_edited_table_moves_no_image_to_the_other_side(pictures, tmp_path):
    """Rows are appended, put in another order, and corrected after a training: the sides stay, or it is refused."""
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    run = RunTree(tmp_path / "out" / "train" / "small_folder" / "fold0")
    begun = arguments(folder, tmp_path / "out", "scheduler.epochs=1")
    assert command(*begun).returncode == 0
    record = run.record.read_text()
    sides = pd.read_csv(run.record, dtype=str).groupby("side")["Id"].apply(list)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    for color in rgby.COLORS:
        shutil.copy(folder / f"i00_{color}.png", folder / f"new_{color}.png")
    grown = pd.concat([table[::-1], pd.DataFrame({"Id": ["new"], "Target": ["1"]})])
    grown.to_csv(folder / "labels.csv", index=False)
    _, data = load_data(of(*begun), run)
    assert list(data.sides.valid.ids) == sides["valid"]
    assert list(data.sides.train.ids) == sides["train"]
    done = command(*begun)
    assert "1 images have come since this run began and are left out" in done.stdout
    assert run.record.read_text() == record
    model = describe(run.checkpoint("best"))
    assert sorted(find_images(model, "valid", None, tmp_path)[1].predicted) == sorted(sides["valid"])
    grown["Target"] = "1"
    grown.to_csv(folder / "labels.csv", index=False)
    with pytest.raises(InputError, match=r"10 images differ; .*\n  i\d\d: its target was '0', and is '1'"):
        load_data(of(*begun), run)


@pytest.mark.skipif(not hasattr(pl.callbacks, "EMAWeightAveraging"), reason="Lightning has it from 2.6 on")
def test_a_moving_average_is_what_is_kept_and_gone_on_from(pictures, tmp_path):
    ema = ["callbacks=ema", "callbacks.ema.decay=0.5"]
    whole, stopped = RunTree(tmp_path / "whole"), RunTree(tmp_path / "stopped")
    train(settings(pictures, tmp_path, *ema, f"folder={whole.folder}"), whole)
    average = torch.load(whole.checkpoint(1), weights_only=True)
    weight = next(key for key in average["state_dict"] if key.endswith("classifier.weight"))
    assert not torch.equal(average["state_dict"][weight], average["current_model_state"][weight])
    assert torch.equal(describe(whole.checkpoint(1)).load().classifier.weight, average["state_dict"][weight])
    (stopped.folder / "checkpoints").mkdir(parents=True)
    for name in ("epoch_001", "last", "best"):  # as a run killed in its second epoch leaves it
        shutil.copy(whole.checkpoint(1), stopped.folder / "checkpoints" / f"{name}.ckpt")
    train(settings(pictures, tmp_path, *ema, f"folder={stopped.folder}"), stopped)
    one, other = (torch.load(run.checkpoint(2), weights_only=True) for run in (whole, stopped))
    torch.testing.assert_close(other["state_dict"], one["state_dict"], rtol=0, atol=0)
    torch.testing.assert_close(other["current_model_state"], one["current_model_state"], rtol=0, atol=0)


def test_early_stopping_ends_a_training_that_counts_as_finished(pictures, tmp_path):
    stop = ["callbacks=early_stopping", "callbacks.early_stopping.patience=1", "scheduler.epochs=30"]
    run = RunTree(tmp_path / "run")
    train(settings(pictures, tmp_path, *stop, "scheduler.rates=[[1,1.0e-12]]", f"folder={run.folder}"), run)
    result = json.loads(run.result.read_text())
    assert result["epochs"] == len(run.numbered_checkpoints()) < 30
