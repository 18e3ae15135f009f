"""How signals end a process, and its children; and what is said of its memory."""

import signal
import subprocess
import sys

import pytest

from hpa_lit import processes
from hpa_lit.processes import signal_of

# Sends itself a signal at a moment, and says how it ends.
PROGRAM = """
import os, signal, sys, time
from hpa_lit.processes import Stopped, stopping_on_signals

class Destroyed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)

try:
    with stopping_on_signals():
        {moment}
        time.sleep(60)
except Stopped as stopped:
    print(stopped)
    raise
"""


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGINT)", signal.SIGINT),
        ("Destroyed()", signal.SIGTERM),
        (
            "try: os.kill(os.getpid(), signal.SIGTERM)\n        finally: os.kill(os.getpid(), signal.SIGTERM)",
            signal.SIGTERM,
        ),
    ],
    ids=["term", "ctrl-c", "where no exception passes", "twice"],
)
def test_a_signal_ends_in_a_sentence_and_its_exit_code(moment, number):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(moment=moment)], capture_output=True, text=True)
    assert done.returncode == 128 + number
    assert done.stdout == f"stopped by {number.name} before it was done: the same command goes on from here\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("code", "by"),
    [(0, None), (1, None), (2, None), (143, signal.SIGTERM), (-9, signal.SIGKILL), (137, signal.SIGKILL), (255, None)],
)
def test_signals_by_exit_code(code, by):
    assert signal_of(code) is by


@pytest.mark.parametrize("status", [None, "Name:\tpython\nVmRSS:\t5 kB\n", "VmPeak:\t9 kB\nVmHWM:\t   7 kB\n"])
def test_the_most_memory_is_known_where_the_system_says_it(tmp_path, monkeypatch, status):
    monkeypatch.setattr(processes, "STATUS", tmp_path / "status")
    if status is not None:
        processes.STATUS.write_text(status)
    assert processes.peak_memory() == (7 * 1024 if status and "HWM" in status else None)
