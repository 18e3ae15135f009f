"""What is written down about how a run was made."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hpa_lit.cli import provenance
from hpa_lit.cli.provenance import config_hash, recorded
from hpa_lit.errors import InputError


def read(path):
    return json.loads(path.read_text())


def test_each_start_is_kept_with_how_it_ended(tmp_path):
    path = tmp_path / "run.json"

    def fail():
        with recorded(path, data_hash="abc"):
            assert read(path)["starts"][0]["end"] is None
            raise InputError("the disk is full\nand more")

    with pytest.raises(InputError):
        fail()
    assert not read(path)["finished"]
    with recorded(path, data_hash="abc"):
        pass
    story = read(path)
    first, second = story["starts"]
    assert (first["end"], second["end"], story["finished"]) == ("the disk is full", "finished", True)
    assert story["wall_seconds"] == pytest.approx(first["wall_seconds"] + second["wall_seconds"])
    assert first["versions"] == second["versions"]
    assert {"hpa_lit", "python", "torch", "pytorch-lightning", "timm", "numpy"} == first["versions"].keys()
    assert {"cpu", "cores", "memory_gb", "gpus"} == first["hardware"].keys()


def test_what_a_start_took_is_kept(tmp_path):
    program = f"""
import numpy as np
from pathlib import Path
from hpa_lit.cli.provenance import recorded
with recorded(Path({str(tmp_path / "run.json")!r})):
    square = np.ones((8000, 8000)) + 1  # a GB in two
    for _ in range(20): square.sum()
    del square
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    (start,) = read(tmp_path / "run.json")["starts"]
    assert 0.2 < start["cpu_seconds"] < 60
    assert 1.0 < start["peak_memory_gb"] < 3.0
    assert start["peak_gpu_memory_gb"] is None


def test_the_end_of_a_killed_start_is_unknown(tmp_path):
    program = "import os; from pathlib import Path; from hpa_lit.cli.provenance import recorded\n"
    program += f"with recorded(Path({str(tmp_path / 'run.json')!r})): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    with recorded(tmp_path / "run.json"):
        pass
    assert [start["end"] for start in read(tmp_path / "run.json")["starts"]] == [None, "finished"]


def test_it_tells_nothing_of_the_machine_and_the_person_that_is_not_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "squeamish")
    monkeypatch.setattr(sys, "argv", ["hpa-lit train", "fold=0"])
    with recorded(tmp_path / "run.json"):
        pass
    text = (tmp_path / "run.json").read_text()
    assert "squeamish" not in text
    assert str(Path.home()) not in text
    assert f'"{socket.gethostname()}"' not in text


def test_a_folder_that_was_taken_away_is_not_made_anew(tmp_path):
    with recorded(tmp_path / "run" / "run.json"):
        shutil.rmtree(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_no_record_is_not_written_over(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("[1]")
    with pytest.raises(InputError, match=r"run\.json is no record"), recorded(path):
        pass
    assert path.read_text() == "[1]"


def test_the_commit_is_that_of_the_checkout():
    root = Path(provenance.__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("not in a checkout")
    git = ["git", "-C", str(root)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], check=False).returncode == 1
    assert provenance.commit() == {"commit": head, "changed": changed}


def test_without_git_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    assert provenance.commit() is None


def test_a_config_has_one_hash_wherever_it_runs():
    here = {"trainer": {"devices": 1, "precision": "32-true"}, "seed": 0}
    there = {"seed": 0, "trainer": {"precision": "32-true", "devices": 4}}
    free = ("trainer.devices",)
    assert config_hash(here, free) == config_hash(there, free)
    assert config_hash(here, free) != config_hash({**here, "seed": 1}, free)
