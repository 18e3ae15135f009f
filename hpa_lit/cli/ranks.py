"""Running one job on several processes of this machine, as torchrun would."""

import logging
import os
import pkgutil
from typing import Any

from hpa_lit.errors import BAD_INPUT, InputError, end


def is_rank() -> bool:
    """Whether a launcher (torchrun, srun, or `launch` below) started this process as one of several."""
    return "LOCAL_RANK" in os.environ or int(os.environ.get("SLURM_NTASKS", "1")) > 1


def is_first() -> bool:
    """Whether this process speaks for all."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def trainer_arguments(trainer: dict[str, Any]) -> dict[str, Any]:
    """The Trainer's arguments with `devices` as a number or a list, and the counts of the launcher where there is one.

    Args:
        trainer: accelerator, devices, num_nodes and more, as Lightning's Trainer takes them.

    Raises:
        InputError: A GPU is asked for and there is none, or not that one, or several machines without a launcher.
    """
    import torch

    trainer = dict(trainer)
    gpus = torch.cuda.device_count() if trainer["accelerator"] in ("auto", "gpu", "cuda") else 0
    if trainer["accelerator"] in ("gpu", "cuda") and not gpus:
        raise InputError("no GPU was found; trainer=cpu trains on the CPU")
    if trainer["accelerator"] == "mps" and not torch.backends.mps.is_available():
        raise InputError("no GPU of an Apple machine was found; trainer=cpu trains on the CPU")
    if trainer["devices"] in ("auto", -1):
        trainer["devices"] = max(gpus, 1)
    _check_devices(trainer["devices"], gpus)
    if trainer["num_nodes"] > 1 and not is_rank():
        raise InputError("trainer.num_nodes > 1: start the command with torchrun or srun on every machine")
    if "LOCAL_WORLD_SIZE" in os.environ:
        here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if not isinstance(trainer["devices"], list):
            trainer["devices"] = here
        trainer["num_nodes"] = everywhere // here
    return trainer


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


def run(function: str, trainer: dict[str, Any], *arguments: Any) -> Any:
    """Call a function here, or in a process for each device that the Trainer's arguments ask for; see `launch`.

    Returns:
        What it gave on the first rank of this machine.
    """
    if is_rank() or count(trainer) == 1:
        return _call(function, *arguments)
    return launch(function, count(trainer), *arguments)


def launch(function: str, processes: int, *arguments: Any) -> Any:
    """Call a function in several new processes that find one another as torchrun's do, and wait for them.

    Lightning by itself would start this process's command line again for every rank, and a Hydra sweep would then sweep
    in each of them.

    Args:
        function: Its name, ``module:function``. A function itself would travel by the name of its module, which is
            __main__ in a command and means something else where a cluster runs the command.
        processes: How many.
        arguments: Its arguments, which travel by pickle.

    Raises:
        SystemExit: A process failed, after saying why.

    Returns:
        What the first rank gave.
    """
    from joblib import cpu_count
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic.multiprocessing.api").addFilter(_unsaid)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="hpa_lit",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=0,
        start_method="spawn",
    )
    # Ranks that all started a thread a core would hinder one another.
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads or str(max(1, cpu_count() // processes))
    try:
        return elastic_launch(config, _call)(function, *arguments)[0]
    except ChildFailedError as error:
        raise end(f"{len(error.failures)} of {processes} processes failed, see above") from None
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _unsaid(record: logging.LogRecord) -> bool:
    """Whether a line of torch's log says more than that a rank ended which has said why by itself."""
    error = record.exc_info and record.exc_info[1]
    return getattr(error, "exit_code", None) != BAD_INPUT


def _call(function: str, *arguments: Any) -> Any:
    """Call a function on a rank, each of which says what it alone cannot use, such as an image."""
    try:
        return pkgutil.resolve_name(function)(*arguments)
    except InputError as error:
        print(flush=True)  # the line of a progress bar ends here
        raise end(str(error)) from None
