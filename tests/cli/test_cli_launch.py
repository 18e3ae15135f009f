"""Ranks that end too early, in real processes that talk to one another."""

import ipaddress
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hpa_lit.cli import ranks
from hpa_lit.errors import InputError


def left(folder):
    """The processes of `add_up` that are there some seconds later."""
    began = [psutil.Process(int(path.name)) for path in folder.iterdir() if psutil.pid_exists(int(path.name))]
    return [process for process in psutil.wait_procs(began, timeout=5)[1] if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGSEGV, signal.SIGTERM))],
)
def test_a_rank_that_a_signal_ends_is_named_and_nothing_is_left(tmp_path, capfd, number):
    with pytest.raises(SystemExit) as ended:
        ranks.launch("rank_jobs:add_up", 3, tmp_path, number)
    assert ended.value.code == 128 + number
    said = capfd.readouterr().err.strip().splitlines()
    reason = " (so does the system where memory runs out)" if number == signal.SIGKILL else ""
    assert said == [
        f"error: rank 1 of 3 was ended by {number.name}{reason}; the others were ended too, and the same command goes "
        "on from here"
    ]
    assert len(list(tmp_path.iterdir())) == 6
    assert not left(tmp_path)


def test_the_traceback_is_that_of_the_rank_that_failed_first(tmp_path, capfd):
    with pytest.raises(RuntimeError, match=r"^rank 1 of 2 failed:\nTraceback (.|\n)*KeyError: 'as planned'\n$"):
        ranks.launch("rank_jobs:add_up", 2, tmp_path, KeyError("as planned"))
    assert "Traceback" not in capfd.readouterr().err
    assert not left(tmp_path)


@pytest.mark.slow
def test_too_little_memory_is_told_apart(tmp_path):
    with pytest.raises(MemoryError, match="rank 1 of 2"):
        ranks.launch("rank_jobs:add_up", 2, tmp_path, MemoryError("too large"))


def test_what_every_rank_refuses_is_said_once():
    with pytest.raises(InputError) as refused:
        ranks.launch("rank_jobs:refuse", 2)
    assert str(refused.value) == "the same on every rank"


def test_the_first_rank_gives_the_result():
    assert ranks.launch("rank_jobs:give", 2) == (0, 2)
    assert "RANK" not in os.environ


def test_no_other_machine_can_speak_to_the_ranks():
    found = ranks.launch("rank_jobs:listeners", 2)
    assert found
    assert all(ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback for address in found)


PROGRAM = """
import sys
from pathlib import Path
from hpa_lit.cli import ranks
from hpa_lit.processes import stopping_on_signals
if __name__ == "__main__":
    with stopping_on_signals():
        ranks.launch("rank_jobs:add_up", 2, Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
    ],
)
def test_nothing_outlives_the_process_that_launched_it(tmp_path, number, code):
    program, folder = tmp_path / "program.py", tmp_path / "pids"
    program.write_text(PROGRAM)
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    process = subprocess.Popen([sys.executable, program, folder], stderr=subprocess.PIPE, text=True, env=environment)
    while len(list(folder.iterdir())) < 4 and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(number)
    assert process.communicate()[1] == ""
    assert process.returncode == code
    assert not left(folder)
