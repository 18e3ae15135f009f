"""One process at a time: real processes, killed ones too."""

import errno
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.lock import held
from hpa_lit.files.tree import file_lock, folder_lock

HOLD = """
import multiprocessing, sys, time
from pathlib import Path
from hpa_lit.files.lock import held
from hpa_lit.files.tree import folder_lock
sys.argv = ["/x/hpa_lit/train.py", "tag=a b"]
folder = Path({folder!r})
with held(folder_lock(folder), folder, "set tag=NAME"):
    children = [multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)) for _ in range(2)]
    for child in children:
        child.start()
    print(*[child.pid for child in children], flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a folder, as a training with two loading processes; gives it and their numbers."""
    command = [sys.executable, "-c", HOLD.format(folder=str(tmp_path / "run"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    children = [int(number) for number in process.stdout.readline().split()]
    yield process, children
    process.kill()
    process.wait()
    for child in children:
        os.kill(child, signal.SIGKILL)


def hold(folder):
    return held(folder_lock(folder), folder, "set tag=NAME")


def test_who_holds_a_folder_is_named_and_a_killed_holder_holds_no_more(tmp_path, holder):
    process, children = holder
    folder = tmp_path / "run"
    with pytest.raises(InputError) as refused, hold(folder):
        pass
    said = json.loads(folder_lock(folder).read_text())
    assert said["process"] == process.pid
    assert said["host"] == socket.gethostname()
    assert str(refused.value) == (
        f"{folder} is being written by process {process.pid} on {said['host']} since {said['since']} "
        "(hpa-lit train 'tag=a b'): wait for it, end it, or set tag=NAME"
    )
    process.kill()
    process.wait()
    assert all(os.path.exists(f"/proc/{child}") for child in children) or sys.platform != "linux"  # noqa: PTH110
    with hold(folder):
        assert json.loads(folder_lock(folder).read_text())["process"] == os.getpid()
    assert not folder_lock(folder).exists()


def count(folder, rounds):
    """Raise a number in a file that only one may write at a time."""
    for _ in range(rounds):
        while True:
            try:
                with hold(folder):
                    number = int((folder / "number").read_text())
                    time.sleep(0.0005)
                    (folder / "number").write_text(str(number + 1))
                break
            except InputError:
                time.sleep(0.001)


def test_no_two_ever_hold_it(tmp_path):
    (tmp_path / "number").write_text("0")
    processes = [multiprocessing.get_context("fork").Process(target=count, args=(tmp_path, 50)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert (tmp_path / "number").read_text() == "200"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_what_a_machine_that_stopped_has_left_is_no_lock(tmp_path):
    folder_lock(tmp_path).write_text(json.dumps({"process": 1}))
    with hold(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_is_held_apart_from_its_folder_and_an_unused_folder_goes(tmp_path):
    out = tmp_path / "new" / "a.csv"
    with held(file_lock(out), out, "choose another out=FILE"), hold(out.parent):
        assert sorted(path.name for path in out.parent.iterdir()) == [".a.csv.lock", ".lock"]
    assert not out.parent.exists()


def test_a_folder_that_is_taken_away_is_named(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match=r"run was taken away while it was being written"), hold(folder):
        shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError), hold(folder):
        shutil.rmtree(folder / "checkpoints")


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, capsys):
    def lockf(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)  # none is at hand
    with hold(tmp_path):
        pass
    assert "is on a file system without locks: see that no other process writes there" in capsys.readouterr().out
