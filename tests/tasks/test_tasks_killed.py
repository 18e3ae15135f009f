"""A training that is killed again and again ends with the weights of one that was left alone, bit by bit."""

import multiprocessing
import os
import random
import shutil
import signal
import threading
import time
from typing import NamedTuple

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from small_run import save_labelled_pictures
from test_configs import composed

from hpa_lit.cli import ranks
from hpa_lit.files.tree import RunTree
from hpa_lit.processes import stopping_on_signals
from hpa_lit.train import TrainSettings, train

# Children of a process that has imported what takes long, and nothing else.
CONTEXT = multiprocessing.get_context("forkserver")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as commands do
CONTEXT.set_forkserver_preload(["hpa_lit.train", "hpa_lit.tasks", "timm", "albumentations", "pandas"])
# What a training is disturbed in, and how often it may have been there before: about an epoch.
MOMENTS = {"step": 6, "validation": 3, "writing": 2}


class Moment(NamedTuple):
    """When a training is to be sent a signal: some seconds after it did something for the n-th time, from 0."""

    what: str
    number: int
    seconds: float
    signal: int


class Moments(pl.Callback):
    """Sends the signal, and makes long what is short: the validation, and writing a checkpoint."""

    moment: Moment | None = None  # of this process, set by `child`

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.reach("step")

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.reach("validation")
        time.sleep(0.02)

    def on_save_checkpoint(self, trainer, pl_module, checkpoint):
        checkpoint["ballast"] = torch.zeros(10_000_000)
        self.reach("writing")

    def reach(self, what):
        if self.moment and self.moment.what == what:
            if not self.moment.number:
                threading.Timer(self.moment.seconds, os.kill, (os.getpid(), self.moment.signal)).start()
            Moments.moment = self.moment._replace(number=self.moment.number - 1)


def child(moment, values, run):
    """Train as the command does, in this process."""
    Moments.moment = moment
    multiprocessing.set_start_method(None, force=True)  # its own children are no forkserver's
    settings = TrainSettings.of_plain(values)
    with stopping_on_signals():
        train(settings, ranks.trainer_arguments(settings.trainer.plain()), run)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """28 pictures of 40 x 40 and their table."""
    folder = tmp_path_factory.mktemp("pictures")
    save_labelled_pictures(folder)
    return folder


def of(pictures):
    """The words that name a folder of pictures with their table in it."""
    return f"data.images={pictures}", f"data.labels={pictures}/labels.csv"


@pytest.fixture(scope="module")
def words(pictures):
    """A training of four epochs of five steps, with dropout."""
    return (
        *("experiment=small", "data=folder", *of(pictures)),
        *("data.label_list=[a,b,c]", "data.crop_size=32", "data.folds=4", "batch_size=4", "scheduler.epochs=4"),
        *("+trainer.enable_progress_bar=false", "+trainer.num_sanity_val_steps=0", "arch.dropout=[0.5,0.5]"),
        *(f"+callbacks.moments._target_={__name__}.Moments", "logger=[csv]"),
        "trainer.accumulate_grad_batches=2",
    )


class Training:
    """A training in a folder that is started, ended and started again."""

    def __init__(self, folder, words):
        self.run, self.starts = RunTree(folder), 0
        self.values = TrainSettings.of(OmegaConf.create(composed(*words, f"folder={folder}"))).plain()

    def start(self, moment=None):
        """Start it, with 0, 1 and 2 processes to load images in turn, and wait for its end; its exit code."""
        self.values["data"]["workers"] = self.starts % 3
        self.starts += 1
        process = CONTEXT.Process(target=child, args=(moment, self.values, self.run))
        process.start()
        process.join()
        return process.exitcode

    def finish(self):
        """Let it come to its end; what its checkpoints hold, by name, and what it logged."""
        assert self.start() == 0
        held = {path.name: torch.load(path, weights_only=True) for path in self.run.folder.rglob("*.ckpt")}
        tables = [pd.read_csv(path) for path in self.run.metrics() if path.is_file()]
        table = pd.concat(tables).dropna(subset="valid/focal")
        # The last word on each epoch: how many steps there were until then, and what the validation gave.
        logged = table.groupby("epoch")[["step", "valid/focal", "valid/macro_f1"]].last()
        return held | {"logged": logged.to_dict()}

    def disturb(self, times, number, seed):
        """Start it several times and send it a signal, at a random moment of each kind in turn."""
        rng = random.Random(seed)
        for turn in range(times):
            what = list(MOMENTS)[turn % len(MOMENTS)]
            print(f"{what}:", end=" ")
            moment = Moment(what, rng.randrange(MOMENTS[what]), rng.uniform(0, 0.05), number)
            yield self.start(moment)
            for path in self.run.folder.rglob("[!.]*.ckpt"):
                torch.load(path, weights_only=True)  # whole


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    """What the checkpoints of an undisturbed training hold, by the words that make it another one."""
    made = {}

    def checkpoints(*more):
        if more not in made:
            made[more] = Training(tmp_path_factory.mktemp("undisturbed"), (*words, *more)).finish()
        return made[more]

    return checkpoints


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def equal(checkpoints, undisturbed):
    assert checkpoints.keys() == undisturbed.keys()
    for name, checkpoint in checkpoints.items():
        for key in undisturbed[name]:
            if key not in ("loops", "config"):  # how often it was begun, and what differs on purpose
                assert same(checkpoint[key], undisturbed[name][key]), f"{name}: {key}"


@pytest.mark.slow
def test_three_kills(words, undisturbed, tmp_path):
    training = Training(tmp_path / "run", words)
    assert set(training.disturb(3, signal.SIGKILL, 0)) == {-signal.SIGKILL}
    equal(training.finish(), undisturbed())
    assert not list(training.run.folder.rglob(".*"))


@pytest.mark.slow
def test_a_table_edited_after_a_kill_moves_no_image(pictures, words, undisturbed, tmp_path):
    """Rows in another order, and one more: those of the run stay on the sides that they were on."""
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    training = Training(tmp_path / "run", (*words, *of(folder)))
    assert list(training.disturb(1, signal.SIGKILL, 4)) == [-signal.SIGKILL]
    shutil.copy(folder / "i00.tif", folder / "new.tif")
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    table = pd.concat([table[::-1], pd.DataFrame({"Id": ["new"], "Target": ["0"]})])
    table.to_csv(folder / "labels.csv", index=False)
    equal(training.finish(), undisturbed())


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("callbacks=ema",)], ids=["plain", "ema"])
def test_ten_kills(words, undisturbed, tmp_path, more):
    if more and not hasattr(pl.callbacks, "EMAWeightAveraging"):
        pytest.skip("this Lightning has no moving average")
    training = Training(tmp_path / "run", (*words, *more, "scheduler.epochs=12"))
    assert set(training.disturb(10, signal.SIGKILL, 1)) == {-signal.SIGKILL}
    equal(training.finish(), undisturbed(*more, "scheduler.epochs=12"))
    assert not list(training.run.folder.rglob(".*"))


SCHEDULED = ("scheduler=cosine", "scheduler.epochs=4", "optimizer.lr=1e-3")


@pytest.mark.parametrize(
    ("times", "more"),
    [
        (3, SCHEDULED),
        (9, ("scheduler.epochs=12", "callbacks=ema")),
    ],
    ids=["scheduled", "ema"],
)
@pytest.mark.slow
def test_stopped_in_the_middle_of_epochs(words, undisturbed, tmp_path, times, more):
    """By SIGTERM, after which each step is made once."""
    if "callbacks=ema" in more and not hasattr(pl.callbacks, "EMAWeightAveraging"):
        pytest.skip("this Lightning has no moving average")
    training, seen = Training(tmp_path / "run", (*words, *more, "trainer.save_on_term=true")), set()
    for code in training.disturb(times, signal.SIGTERM, 2):
        assert code == 128 + signal.SIGTERM
        last = torch.load(training.run.checkpoint("last"), weights_only=True)
        seen.add(last["callbacks"]["Interruption"]["seen"])
    assert seen & {2, 4}, "none in the middle"
    equal(training.finish(), undisturbed(*more))


@pytest.mark.slow
def test_stopped_without_saving_it_goes_on_from_the_last_epoch(words, undisturbed, tmp_path):
    training = Training(tmp_path / "run", words)
    assert list(training.disturb(1, signal.SIGINT, 3)) == [128 + signal.SIGINT]
    equal(training.finish(), undisturbed())
