"""What tests let ranks do; imports little, for ranks are new processes."""

import os
import signal
import time


def add_up(folder, fault=None):
    """Add up numbers with the other ranks for a minute, with a process of its own that loads them.

    Writes a file for every process, named by its id. `fault` is what happens on rank 1 in the third step.
    """
    import psutil
    import torch
    import torch.distributed as dist
    from torch.utils.data import DataLoader, TensorDataset

    dist.init_process_group("gloo")
    loader = DataLoader(TensorDataset(torch.arange(1200.0)), num_workers=1, worker_init_fn=begin)
    for step, (number,) in enumerate(loader):
        dist.all_reduce(number)
        if step == 0:
            for process in (psutil.Process(), *psutil.Process().children()):
                (folder / str(process.pid)).touch()
        if step == 2 and dist.get_rank() == 1 and fault is not None:
            fail(fault)
        time.sleep(0.05)


def begin(worker):
    from hpa_lit.processes import serve_parent

    serve_parent()


def fail(fault):
    if isinstance(fault, signal.Signals):
        os.kill(os.getpid(), fault)
        time.sleep(60)
    raise fault


def refuse():
    from hpa_lit.errors import InputError

    raise InputError("the same on every rank")


def give():
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


def listeners():
    """The addresses that this rank and the process which launched it wait for connections at."""
    import psutil
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    dist.all_reduce(torch.zeros(1))
    found = [
        connection.laddr.ip
        for process in (psutil.Process(), psutil.Process().parent())
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    dist.barrier()
    return found
