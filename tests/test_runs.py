"""The command runs: runs in every state, and folders that are none. Of a real training see test_train.py."""

import json
import subprocess
import sys

import pytest
import yaml

from hpa_lit import runs
from hpa_lit.files.lock import held
from hpa_lit.files.tree import RunTree, folder_lock


def make(folder, end="finished", scores=(0.9, 0.7, 0.8), **more):
    """A run as train leaves it, but for the checkpoints."""
    run = RunTree(folder)
    log = folder / "csv" / "version_0" / "metrics.csv"
    log.parent.mkdir(parents=True)
    lines = [f"{epoch},{epoch * 9},,{score}\n{epoch},{epoch * 9},0.5,\n" for epoch, score in enumerate(scores, 1)]
    log.write_text("".join(["epoch,step,train/loss,valid/focal\n", *lines]))
    config = {
        "run_name": folder.name,
        "folder": str(folder),
        "monitor": "valid/focal",
        "mode": "min",
        "arch": {"arch": "tiny"},
        "data": {"name": "folder", "seed": 0, "crop_size": 128},
        "scheduler": {"epochs": 3},
        "seed": 0,
        "trainer": {"devices": 1},
    }
    run.config.write_text(yaml.safe_dump(config | more))
    start = {"command": "hpa-lit train experiment=small fold=0", "end": end}
    run.provenance.write_text(json.dumps({"finished": end == "finished", "starts": [start]}))
    return run


@pytest.fixture
def say(monkeypatch, capsys):
    """What the command prints."""

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit runs", *words])
        runs.main()
        return capsys.readouterr().out

    return start


def test_a_row_a_run_with_its_state_and_how_it_differs(tmp_path, say):
    make(tmp_path / "train" / "a" / "fold0")
    make(tmp_path / "train" / "b", end="SIGTERM", scores=(0.6,), seed=1, data={"name": "folder", "seed": 1})
    busy = make(tmp_path / "train" / "c", end=None, scores=())
    with held(folder_lock(busy.folder), busy.folder, "wait"):
        # A lock of this process would not keep itself out: another one looks.
        done = subprocess.run(
            [sys.executable, "-m", "hpa_lit", "runs", f"root={tmp_path}"], capture_output=True, text=True
        )
    assert done.stdout.splitlines() == [
        "run            recipe  epoch  best                     state     differs in",
        "train/a/fold0  small   3/3    valid/focal 0.7000 in 2  finished  data.crop_size=128, seed=0",
        "train/b        small   1/3    valid/focal 0.6000 in 1  stopped   seed=1",
        "train/c        small   0/3    -                        running   data.crop_size=128, seed=0",
    ]
    assert "train/c        small   0/3    -                        stopped" in say(f"root={tmp_path}")


def test_json_holds_all_that_is_known(tmp_path, say):
    run = make(tmp_path / "a", mode="max", scores=(0.1, 0.4))
    assert json.loads(say(f"paths.outputs={tmp_path}", "--json")) == [
        {
            "folder": str(run.folder),
            "state": "finished",
            "recipe": "small",
            "arch": "tiny",
            "data": "folder",
            "epoch": 2,
            "epochs": 3,
            "metric": "valid/focal",
            "best": 0.4,
            "best_epoch": 2,
            "problem": None,
            "differs": {},
        }
    ]
    run.result.write_text(json.dumps({"epochs": 3, "best_epoch": 3, "monitor": "valid/focal", "score": 0.5}))
    (found,) = json.loads(say(f"paths.outputs={tmp_path}", "json=true"))
    assert (found["epoch"], found["best"], found["best_epoch"]) == (3, 0.5, 3)


def test_a_folder_without_runs_is_one_sentence(tmp_path, say):
    sentence = f"there are no training runs below {tmp_path}: hpa-lit train makes one\n"
    assert say(f"root={tmp_path}") == sentence
    assert say(f"paths.outputs={tmp_path}/nothing") == sentence.replace(str(tmp_path), f"{tmp_path}/nothing")
    assert json.loads(say(f"root={tmp_path}", "--json")) == []


@pytest.mark.parametrize("content", ["{", "[1]", "\xff\x00", "starts", ""])
@pytest.mark.parametrize("name", ["config", "provenance", "result"])
def test_damaged_runs_are_listed_and_say_what_is(tmp_path, say, name, content):
    run = make(tmp_path / "a")
    getattr(run, name).write_text(content, encoding="latin-1")
    (found,) = json.loads(say(f"root={tmp_path}", "--json"))
    assert found["state"] == "damaged"
    assert found["problem"].startswith(f"{getattr(run, name)} cannot be read: ")
    assert "damaged" in say(f"root={tmp_path}")


@pytest.mark.parametrize("log", ["epoch\n", "epoch,valid/focal\none,0.5\n", "epoch,valid/focal\n1,much\n", "\0"])
def test_damaged_logs_do_not_hide_a_run(tmp_path, say, log):
    (make(tmp_path / "a").folder / "csv" / "version_0" / "metrics.csv").write_text(log)
    (found,) = json.loads(say(f"root={tmp_path}", "--json"))
    assert (found["folder"], found["epoch"], found["best"]) == (str(tmp_path / "a"), 0, None)


def test_strange_values_do_not_hide_a_run(tmp_path, say):
    run = make(tmp_path / "a", arch="tiny", scheduler=[1], data=None, monitor=5)
    run.provenance.write_text(json.dumps({"finished": "no", "starts": [5]}))
    (found,) = json.loads(say(f"root={tmp_path}", "--json"))
    assert (found["arch"], found["epochs"], found["recipe"], found["metric"]) == (None, None, None, None)


def test_folders_of_others_are_passed_over(tmp_path, say):
    run = make(tmp_path / "train" / "a")
    for place, name, content in (
        ("submit", "config.yaml", "thresholds: auto\n"),
        ("wandb", "run.json", "{}"),
        ("broken", "run.json", "{"),
        ("lightning", "config.yaml", "model: {lr: 1}\n"),
        ("lightning/checkpoints", "epoch=3.ckpt", "weights"),
    ):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name).write_text(content)
    (tmp_path / "train" / "back").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (found,) = json.loads(say(f"root={tmp_path}", "--json"))
    assert found["folder"] == str(run.folder)
