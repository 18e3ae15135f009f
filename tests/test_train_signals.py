"""The command train, asked to end: by a shell, a cluster or a job manager, in one process and in several."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from small_run import save_labelled_pictures

from hpa_lit.files.tree import RunTree

EPOCHS = 40


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    save_labelled_pictures(folder)
    return (
        *("experiment=small", f"images={folder}", f"labels={folder}/labels.csv", "data.label_list=[a,b,c]"),
        *("data.crop_size=32", "data.folds=4", "data.workers=1", "batch_size=4", f"scheduler.epochs={EPOCHS}"),
        *("arch.dropout=[0.5,0.5]", "logger=[csv]", "keep_epochs=2"),
    )


@pytest.fixture
def begin():
    """Start the command in a group of processes of its own."""
    begun = []

    def start(*words, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "hpa_lit.train", *words]
        begun.append(subprocess.Popen(command, start_new_session=True, **pipes, **options))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()  # where a test ended before it
        process.communicate()


def await_epoch(process, run, number):
    """Wait until an epoch has ended, which a training that is stopped has not to do again."""
    while not any(int(path.stem[-3:]) >= number for path in run.numbered_checkpoints()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def ended(process):
    out, errors = process.communicate(timeout=400)
    return process.returncode, out, errors


def last(run):
    return torch.load(run.checkpoint("last"), weights_only=True)


def sentence(name):
    return f"stopped by {name} before it was done: the same command goes on from here\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_stopped_training_says_how_to_go_on_and_has_no_result(begin, words, tmp_path, number, code):
    run = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    process = begin(*words, f"paths.outputs={tmp_path}")
    await_epoch(process, run, 2)
    process.send_signal(number)
    assert ended(process)[::2] == (code, sentence(number.name))
    assert not run.result.exists()
    record = json.loads(run.provenance.read_text())
    assert not record["finished"]
    assert record["starts"][0]["end"].startswith(f"stopped by {number.name}")
    assert last(run)["callbacks"]["Interruption"]["seen"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("more", [("trainer=cpu",), ("trainer=ddp", "trainer.devices=2")], ids=["alone", "ranks"])
def test_stopped_as_a_group_it_goes_on_from_the_step_it_was_at(begin, words, tmp_path, more):
    """As a cluster stops a job: every process gets the signal, those that load images too."""
    words = (*words, *more, "trainer.save_on_term=true")
    whole, parts = (RunTree(tmp_path / name / "train" / "small_folder" / "fold0") for name in ("whole", "parts"))
    process = begin(*words, f"paths.outputs={tmp_path}/whole")
    assert ended(process)[0] == 0
    seen = []
    for epoch in (2, 9, 20):
        process = begin(*words, f"paths.outputs={tmp_path}/parts")
        await_epoch(process, parts, epoch)
        os.killpg(process.pid, signal.SIGTERM)
        assert ended(process)[::2] == (143, sentence("SIGTERM"))
        seen.append(last(parts)["callbacks"]["Interruption"]["seen"])
    process = begin(*words, f"paths.outputs={tmp_path}/parts")
    assert ended(process)[0] == 0
    assert any(seen), "never in the middle of an epoch"
    for name in ("last", "best"):
        one, other = (torch.load(run.checkpoint(name), weights_only=True) for run in (whole, parts))
        torch.testing.assert_close(other["state_dict"], one["state_dict"], rtol=0, atol=0)
        assert other["global_step"] == one["global_step"]
    assert json.loads(parts.result.read_text()) == json.loads(whole.result.read_text())
    assert json.loads(parts.result.read_text())["epochs"] == EPOCHS


@pytest.mark.slow
def test_a_killed_rank_ends_the_training_in_a_sentence(begin, words, tmp_path):
    run = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    process = begin(*words, f"paths.outputs={tmp_path}", "trainer=ddp", "trainer.devices=2")
    await_epoch(process, run, 1)
    family = psutil.Process(process.pid).children(recursive=True)
    rank = next(
        it for it in family if it.environ().get("OMP_NUM_THREADS") and any("spawn_main" in w for w in it.cmdline())
    )
    rank.kill()
    code, _, errors = ended(process)
    assert code == 137
    assert re.fullmatch(
        r"error: rank [01] of 2 was ended by SIGKILL \(so does the system where memory runs out\); "
        r"the others were ended too, and the same command goes on from here\n",
        errors,
    )
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not [it for it in alive if it.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_slurm_requeues_a_training_that_goes_on_from_the_step_it_was_at(begin, words, tmp_path):
    """By Lightning, on the signal that a job may ask SLURM for when its time is nearly up; scontrol is a stand-in."""
    command = tmp_path / "bin" / "scontrol"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/asked\n")
    command.chmod(0o755)
    slurm = {"NTASKS": 1, "JOB_ID": 7, "JOB_NAME": "train", "PROCID": 0, "LOCALID": 0, "NODEID": 0, "NODELIST": "here"}
    environment = os.environ | {f"SLURM_{name}": str(value) for name, value in slurm.items()}
    environment["PATH"] = f"{command.parent}:{environment['PATH']}"
    run = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    words = (*words, f"paths.outputs={tmp_path}", "trainer.save_on_term=true")
    process = begin(*words, env=environment)
    await_epoch(process, run, 2)
    process.send_signal(signal.SIGUSR1)
    while not (tmp_path / "asked").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # as SLURM does with the job that it is to start again
    assert ended(process)[0] == 143
    assert (tmp_path / "asked").read_text() == "requeue 7\n"
    assert not list(run.folder.glob("hpc_ckpt*"))
    process = begin(*words, env=environment)
    code, out, _ = ended(process)
    assert code == 0
    assert f"going on from {run.checkpoint('last')}" in out
    assert run.result.is_file()


@pytest.mark.slow
def test_submitit_requeues_a_training_that_goes_on_from_the_step_it_was_at(begin, words, tmp_path):
    run = RunTree(tmp_path / "train" / "small_folder" / "fold0")
    cluster = ("-m", "hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5", "fold=0")
    process = begin(*cluster, *words, f"paths.outputs={tmp_path}", "trainer.save_on_term=true")
    await_epoch(process, run, 2)
    jobs = [it for it in psutil.Process(process.pid).children(True) if "submitit.core._submit" in it.cmdline()]
    job = min(jobs, key=psutil.Process.create_time)  # the others load images
    job.send_signal(signal.SIGTERM)  # which submitit does not answer
    await_epoch(process, run, 4)
    assert job.is_running()
    job.send_signal(signal.SIGUSR2)
    code, _, errors = ended(process)
    assert code == 0, errors
    assert run.result.is_file()
    ends = [start["end"] for start in json.loads(run.provenance.read_text())["starts"]]
    assert ends == ["144", "finished"]
