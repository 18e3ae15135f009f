"""The pieces of a modern recipe together: through the commands, and stopped and gone on with."""

import subprocess
import sys

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from small_run import save_labelled_pictures, stop_after_first_epoch
from test_configs import composed

from hpa_lit.cli import ranks
from hpa_lit.files import prediction_file
from hpa_lit.files.tree import RunTree
from hpa_lit.train import TrainSettings, fit, load_data, try_parts

TINY = ("experiment=small", "data=folder", "data.crop_size=32", "data.workers=0", "batch_size=4")
PIECES = (
    *("arch=timm", "arch.arch=timm/resnet18", "arch.pretrained=false", "arch.map_pool=gem", "loss=asymmetric"),
    *("arch.options={drop_path_rate: 0.1, channels: [16, 32, 64, 128]}", "optimizer=adamw"),
    *("scheduler=warmup_cosine", "scheduler.epochs=3", "scheduler.warmup=1"),
    *("mixing=cutmix", "data.repeat_threshold=0.5"),
)
EMA = ("callbacks=ema", "callbacks.ema.decay=0.9")
needs_ema = pytest.mark.skipif(not hasattr(pl.callbacks, "EMAWeightAveraging"), reason="Lightning has it from 2.6 on")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    save_labelled_pictures(folder, 24)
    return folder


def words(pictures, folder, *more):
    own = [f"data.images={pictures}", f"data.labels={pictures / 'labels.csv'}", "data.label_list=[one,two,three]"]
    return [*TINY, *PIECES, *own, f"paths.outputs={folder}", *more]


@pytest.mark.slow
@needs_ema
def test_it_trains_and_predicts_by_the_commands(pictures, tmp_path):
    run = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    own = [f"run={run.folder}", f"images={pictures}", "out=answers.parquet", "workers=0", "trainer=cpu"]
    predict = [*own, f"paths.outputs={tmp_path}"]
    for verb, line in (("train", words(pictures, tmp_path, *EMA)), ("predict", predict)):
        done = subprocess.run(
            [sys.executable, "-m", f"hpa_lit.{verb}", *line], capture_output=True, text=True, cwd=tmp_path, timeout=300
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    curves = pd.read_csv(run.folder / "csv" / "version_0" / "metrics.csv").groupby("epoch").first()
    assert curves["lr"].tolist() == pytest.approx([5e-4, 1e-3, 1e-5])
    assert curves["train/loss"].notna().all()
    assert len(prediction_file.read(tmp_path / "answers.parquet").ids) == 24


def trained(pictures, folder, *more):
    run = RunTree(folder)
    settings, data = load_data(
        TrainSettings.of(OmegaConf.create(composed(*words(pictures, folder, f"folder={folder}", *more)))), run
    )
    try_parts(settings, data)
    fit(settings.plain(), ranks.trainer_arguments(settings.trainer.model_dump()), run, data)
    return torch.load(run.checkpoint("last"), weights_only=True)["state_dict"]


def test_a_training_that_was_stopped_ends_with_the_weights_of_one_that_was_not(pictures, tmp_path):
    whole = trained(pictures, tmp_path / "whole")
    stop_after_first_epoch(tmp_path / "whole", tmp_path / "stopped")
    torch.testing.assert_close(trained(pictures, tmp_path / "stopped"), whole, rtol=0, atol=0)


@pytest.mark.slow
def test_two_processes_train_with_it(pictures, tmp_path):
    line = words(pictures, tmp_path, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
    done = subprocess.run([sys.executable, "-m", "hpa_lit.train", *line], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
