"""Running one job on several processes of this machine, as torchrun would."""

import multiprocessing
import os
import pkgutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from hpa_lit.errors import BAD_INPUT, DEBUG, DEFECT, InputError, end
from hpa_lit.processes import OF_A_SIGNAL, Stopped, end_with_parent, signal_of, stopping_on_signals

LOOPBACK = "127.0.0.1"
OURS = ("save_on_term",)  # settings of conf/trainer that are not for Lightning
MEMORY = ("MemoryError", "OutOfMemoryError")  # what Python and torch raise where there is too little
LOOKED_AT = 0.1  # seconds between looks at the ranks
GRACE = 3.0  # seconds that ranks have to end by themselves before they are killed


def is_rank() -> bool:
    """Whether a launcher (torchrun, srun, or `launch` below) started this process as one of several."""
    return "LOCAL_RANK" in os.environ or int(os.environ.get("SLURM_NTASKS", "1")) > 1


def is_first() -> bool:
    """Whether this process speaks for all."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def trainer_arguments(trainer: dict[str, Any]) -> dict[str, Any]:
    """The Trainer's arguments with `devices` as a number or a list, and the counts of the launcher where there is one.

    Args:
        trainer: accelerator, devices, num_nodes and more, as Lightning's Trainer takes them, and settings of ours.

    Raises:
        InputError: A GPU is asked for and there is none, or not that one, or several machines without a launcher.
    """
    import torch

    trainer = {key: value for key, value in trainer.items() if key not in OURS}
    available = gpus(trainer)
    if trainer["accelerator"] in ("gpu", "cuda") and not available:
        raise InputError("no GPU was found; trainer=cpu trains on the CPU")
    if trainer["accelerator"] == "mps" and not torch.backends.mps.is_available():
        raise InputError("no GPU of an Apple machine was found; trainer=cpu trains on the CPU")
    if trainer["devices"] in ("auto", -1):
        trainer["devices"] = max(available, 1)
    _check_devices(trainer["devices"], available)
    if trainer["num_nodes"] > 1 and not is_rank():
        raise InputError("trainer.num_nodes > 1: start the command with torchrun or srun on every machine")
    if "LOCAL_WORLD_SIZE" in os.environ:
        here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if not isinstance(trainer["devices"], list):
            trainer["devices"] = here
        trainer["num_nodes"] = everywhere // here
    return trainer


def gpus(trainer: Mapping[str, Any]) -> int:
    """How many GPUs of CUDA this machine has for the Trainer's arguments."""
    import torch

    return torch.cuda.device_count() if trainer["accelerator"] in ("auto", "gpu", "cuda") else 0


def _check_devices(devices: int | list[int], gpus: int) -> None:
    """Raise `InputError` where devices are not those of this machine, which has so many GPUs to use."""
    said = f"trainer.devices={devices}"
    if isinstance(devices, list):
        if not gpus:
            raise InputError(f"{said} numbers GPUs, and none is used here: give the number of processes")
        if len(set(devices)) < len(devices) or max(devices) >= gpus:
            raise InputError(f"{said}: the GPUs here are {', '.join(map(str, range(gpus)))}; give each once")
    elif 0 < gpus < devices:
        raise InputError(f"{said}: there are {gpus} GPUs here; give {gpus} or fewer")


def count(trainer: dict[str, Any]) -> int:
    """How many processes a node the arguments ask for."""
    devices = trainer["devices"]
    return len(devices) if isinstance(devices, list) else int(devices)


def run(function: str, trainer: dict[str, Any], *arguments: Any, patient: bool = False) -> Any:
    """Call a function here, or in a process for each device that the Trainer's arguments ask for; see `launch`.

    Args:
        function: Its name, ``module:function``.
        trainer: As `trainer_arguments` gives them.
        arguments: Of the function.
        patient: See `launch`.

    Returns:
        What it gave on the first rank of this machine.
    """
    if is_rank() or count(trainer) == 1:
        return _call(function, *arguments)
    return launch(function, count(trainer), *arguments, patient=patient)


def launch(function: str, processes: int, *arguments: Any, patient: bool = False) -> Any:
    """Call a function in several new processes that find one another as torchrun's do, and wait for them.

    Where one ends too early the others are ended too. Lightning by itself would start this process's command line again
    for every rank, and a Hydra sweep would then sweep in each of them; torchrun's launcher gives ranks that wait for a
    dead one half a minute.

    Args:
        function: Its name, ``module:function``. A function itself would travel by the name of its module, which is
            __main__ in a command and means something else where a cluster runs the command.
        processes: How many.
        arguments: Its arguments, which travel by pickle.
        patient: When a signal ends this process, give the ranks all the time they need: they have something to save.

    Raises:
        InputError: A rank could not use its input.
        SystemExit: A rank was ended by a signal, which is said.
        RuntimeError: A rank raised anything else; holds its traceback. `MemoryError` where it was about that.

    Returns:
        What the first rank gave.
    """
    from joblib import cpu_count
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    listener = socket.create_server((LOOPBACK, 0))  # a store's own socket takes words from any machine
    port = listener.getsockname()[1]
    store = TCPStore(
        LOOPBACK, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach(), use_libuv=False
    )
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []
    said: dict[int, tuple[int, Any]] = {}  # by rank, in the order of time: its exit code, and what it gives or regrets
    listening: dict[Connection, int] = {}
    # Ranks that all started a thread a core would hinder one another.
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads or str(max(1, cpu_count() // processes))
    try:
        for rank in range(processes):
            receiving, sending = context.Pipe(duplex=False)
            environment = _environment(rank, processes, store.port)
            process = context.Process(target=_rank, args=(function, arguments, environment, sending))
            process.start()
            sending.close()
            started.append(process)
            listening[receiving] = rank
        while None in (codes := [process.exitcode for process in started]) and not any(codes):
            _listen(listening, said, LOOKED_AT)
        if any(codes):
            last = _end(started, GRACE)
            _listen(listening, said, 0)
            raise _failure(codes, last, said)
        _listen(listening, said, 0)
        return said[0][1] if 0 in said else None
    except SystemExit:  # `Stopped`, or what a cluster's job manager answers a signal with
        _end(started, None if patient else GRACE)
        raise
    finally:
        _end(started, 0)
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _environment(rank: int, processes: int, port: int) -> dict[str, str]:
    """What torchrun tells a rank, here of a store of this process."""
    numbers = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "GROUP_RANK": 0,
        "WORLD_SIZE": processes,
        "LOCAL_WORLD_SIZE": processes,
    }
    # By itself gloo takes the interface that the machine's name stands for.
    gloo = {}
    if loopback := {name for _, name in socket.if_nameindex()} & {"lo", "lo0"}:
        gloo["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", loopback.pop())
    store = {"MASTER_ADDR": LOOPBACK, "MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": True}
    attempt = {"TORCHELASTIC_RUN_ID": "hpa_lit", "TORCHELASTIC_RESTART_COUNT": 0, "TORCHELASTIC_MAX_RESTARTS": 0}
    return {name: str(value) for name, value in (numbers | gloo | store | attempt).items()}


def _rank(function: str, arguments: Sequence[Any], environment: Mapping[str, str], sending: Connection) -> None:
    """Call a function as a rank, which leaves it to its parent to say what went wrong, and where first."""
    os.environ.update(environment)
    multiprocessing.set_start_method(None, force=True)  # a rank's own children begin as those of any process
    end_with_parent()
    for number in (signal.SIGUSR1, signal.SIGUSR2):  # which a cluster sends to every process, for the parent to answer
        signal.signal(number, signal.SIG_IGN)
    code, content = 0, None
    try:
        with stopping_on_signals():
            content = pkgutil.resolve_name(function)(*arguments)
    except Stopped as stopped:
        code = stopped.code
    except Exception as error:  # noqa: BLE001  the parent raises it again
        code = BAD_INPUT if isinstance(error, InputError) else DEFECT
        content = type(error).__name__, str(error), traceback.format_exc()
    sending.send((code, content))
    if code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # past libraries whose last act is to talk to ranks that may be gone


def _listen(listening: dict[Connection, int], said: dict[int, tuple[int, Any]], seconds: float) -> None:
    """Take what ranks say, waiting for it no longer than some seconds."""
    for connection in wait(list(listening), seconds):
        assert isinstance(connection, Connection)
        rank = listening.pop(connection)
        try:
            said[rank] = connection.recv()
        except (EOFError, OSError):  # it ended without a word, or in the middle of one
            continue


def _end(started: Sequence[BaseProcess], grace: float | None) -> list[int | None]:
    """End the ranks that are still there; their exit codes, None of those that had to be killed.

    Args:
        started: All of them.
        grace: Seconds that they have before they are killed; None gives them all the time.
    """
    for process in started:
        if process.is_alive():
            process.terminate()
    latest = None if grace is None else time.monotonic() + grace
    for process in started:
        process.join(None if latest is None else max(0, latest - time.monotonic()))
    codes = [process.exitcode for process in started]
    for process in started:
        process.kill()
        process.join()
    return codes


def _failure(
    first: Sequence[int | None], last: Sequence[int | None], said: Mapping[int, tuple[int, Any]]
) -> BaseException:
    """What to raise about ranks that failed: of the one that was the first, as far as can be known.

    Args:
        first: Exit codes when a failure was seen; None of ranks that were running.
        last: When all had ended, None of those that had to be killed.
        said: What the ranks said, see `launch`.
    """
    print(flush=True)  # the line of a progress bar ends here
    # The others fail too when one is gone, and may be seen before it; SIGTERM they got from here.
    for rank, (before, after) in enumerate(zip(first, last, strict=True)):
        by = signal_of(before or after or 0)
        if by and (before or by != signal.SIGTERM):
            reason = " (so does the system where memory runs out)" if by == signal.SIGKILL else ""
            return end(
                f"rank {rank} of {len(first)} was ended by {by.name}{reason}; the others were ended too, and the same "
                "command goes on from here",
                OF_A_SIGNAL + by,
            )
    failures = [(rank, code, *error) for rank, (code, error) in said.items() if code in (BAD_INPUT, DEFECT)]
    if not failures:
        rank = next(rank for rank, code in enumerate(first) if code)
        return RuntimeError(f"rank {rank} of {len(first)} ended with exit code {first[rank]} and without a word")
    rank, code, kind, _, trace = failures[0]
    if code == DEFECT:
        return (MemoryError if kind in MEMORY else RuntimeError)(f"rank {rank} of {len(first)} failed:\n{trace}")
    if os.environ.get(DEBUG) == "1":
        print(trace, file=sys.stderr)
    # Of the input each rank sees a part.
    messages = [message for _, code, _, message, _ in failures if code == BAD_INPUT]
    return InputError("\n".join(dict.fromkeys(messages)))


def _call(function: str, *arguments: Any) -> Any:
    """Call a function here."""
    try:
        return pkgutil.resolve_name(function)(*arguments)
    except InputError as error:
        print(flush=True)  # the line of a progress bar ends here
        raise end(str(error)) from None
