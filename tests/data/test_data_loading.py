"""The processes that load images, and their ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from torch.utils.data import TensorDataset

from hpa_lit.data.loading import EpochLoader, begin_worker, workers_alive
from hpa_lit.errors import InputError


def loader():
    numbers = TensorDataset(torch.arange(100.0))
    return EpochLoader(numbers, num_workers=2, persistent_workers=True, worker_init_fn=begin_worker)


def kill_a_worker(then):
    before, batches = multiprocessing.active_children(), enumerate(loader())
    with workers_alive():
        for number, _ in batches:
            if number == 3:
                # One alone: torch tells of each by a signal, the second of which might come after the block.
                next(process for process in multiprocessing.active_children() if process not in before).kill()
                if then is not None:
                    raise then


@pytest.mark.parametrize("then", [None, ConnectionResetError(), EOFError()], ids=["told", "reset", "cut off"])
def test_a_process_that_is_gone_is_said_with_what_helps(then):
    """Torch tells of it by a signal; a pipe that it had begun to write into may say it first."""
    with pytest.raises(InputError, match=r"^a process that loads images is gone, .*DataLoader worker.* data\.workers"):
        kill_a_worker(then)


@pytest.mark.parametrize(
    "error", [RuntimeError("DataLoader worker of another kind"), ConnectionResetError("elsewhere")]
)
def test_other_errors_pass(error):
    with pytest.raises(type(error), match=str(error)), workers_alive():
        raise error


def test_signals_to_a_group_are_left_to_the_parent():
    seen, workers = [], None
    for number, (value,) in enumerate(loader()):
        seen.append(value.item())
        if number == 3:
            workers = multiprocessing.active_children()
            for process in workers:
                for one in (signal.SIGTERM, signal.SIGINT):  # of another process than the parent
                    os.system(f"kill -{int(one)} {process.pid}")
    assert seen == list(range(100))
    assert workers


PROGRAM = """
import multiprocessing, time
from test_data_loading import loader
begun = [iter(loader()) for _ in range(4)]
for one in begun:
    next(one)
print(*(process.pid for process in multiprocessing.active_children()), flush=True)
time.sleep(60)
"""


def test_none_outlives_its_parent():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    program = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(workers) == 8
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE]
