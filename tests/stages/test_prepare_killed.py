"""Killed at any moment and started again, the preparation ends with the same bytes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_atlas import Site

from hpa_lit.files.data_tree import DataTree

KILLS = 10


def start(tree: DataTree, base_url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hpa_lit.prepare", "stage=all", "data=i512", f"paths.root={tree.root}"]
    command.append(f"prepare.download.base_url={base_url}")
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def contents(tree: DataTree) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {str(path.relative_to(tree.root)): path.read_bytes() for path in tree.root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_killed_at_ten_random_moments(tree: DataTree, site: Site, tmp_path: Path) -> None:
    disturbed = DataTree(tmp_path / "disturbed")
    shutil.copytree(tree.root, disturbed.root)
    begin = time.monotonic()
    finish(start(tree, site.address))
    duration = time.monotonic() - begin
    undisturbed = contents(tree)

    rng = random.Random(0)
    killed = 0
    while killed < KILLS:
        process = start(disturbed, site.address)
        try:
            # The first third goes by with starting up.
            _, errors = process.communicate(timeout=rng.uniform(duration / 3, duration))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its session, which holds its workers as well
            process.communicate()
            killed += 1
            continue
        assert process.returncode == 0, errors
        assert contents(disturbed) == undisturbed
        for folder in ("images", "tables", "raw/external"):
            shutil.rmtree(disturbed.root / folder)
    finish(start(disturbed, site.address))
    assert contents(disturbed) == undisturbed
