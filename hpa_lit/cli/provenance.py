"""How a run was made: by which versions, command, config and data, on what, and how long it took."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from hpa_lit import __version__
from hpa_lit.cli.claim import flat
from hpa_lit.errors import InputError
from hpa_lit.files.lock import command_line
from hpa_lit.files.writing import UnwritableError, replacing
from hpa_lit.processes import peak_memory

PACKAGES = ("torch", "pytorch-lightning", "timm", "numpy")  # that decide numbers


@contextmanager
def recorded(path: Path, **facts: object) -> Iterator[None]:
    """Write down how a run is made: at the start of the block, and at its end how it ended and how long it took.

    A run that is gone on with has a record for each start: seconds by the clock, seconds of processors, those of the
    processes that it waited for too, and the most memory that it held itself, here and on a GPU. Of a start that was
    killed the end is unknown, null.

    Args:
        path: The JSON file: wall_seconds and finished of the run, and starts.
        facts: What else is to be known about this start, as JSON takes it.

    Raises:
        InputError: The file that is there is none of these.
    """
    before = _starts(path)
    now, begun = datetime.now().astimezone().isoformat(" ", "seconds"), time.monotonic()
    spent = sum(os.times()[:4])
    start: dict[str, Any] = {"started": now, "wall_seconds": None, "end": None, "command": command_line()}
    start |= {"versions": versions(), "git": commit(), "hardware": hardware(), **facts}
    _write(path, [*before, start])
    try:
        yield
    except BaseException as error:
        start["end"] = str(error).partition("\n")[0] or type(error).__name__
        raise
    else:
        start["end"] = "finished"
    finally:
        start["wall_seconds"] = round(time.monotonic() - begun, 1)
        start["cpu_seconds"] = round(sum(os.times()[:4]) - spent, 1)
        start |= held()
        if path.is_file():  # not where the folder was taken away
            try:
                _write(path, [*before, start])
            except UnwritableError:
                if start["end"] == "finished":  # else what ended the run is what is to be said
                    raise


def _starts(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        starts: list[dict[str, Any]] = json.loads(path.read_text())["starts"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no record of how a run was made: restore it, or remove it") from error
    return starts


def _write(path: Path, starts: Sequence[Mapping[str, Any]]) -> None:
    seconds = sum(start["wall_seconds"] or 0 for start in starts)
    content = {"wall_seconds": round(seconds, 1), "finished": starts[-1]["end"] == "finished", "starts": starts}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def config_hash(settings: dict[str, Any], free: tuple[str, ...]) -> str:
    """SHA-256 of a config, but for the keys that say where it runs; see `claim`."""
    decisive = {key: value for key, value in flat(settings).items() if not key.startswith(free)}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Of this package, Python, and the packages that decide numbers."""
    found = {"hpa_lit": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in PACKAGES}


def commit() -> dict[str, Any] | None:
    """The commit of the checkout that this package lies in, and whether its files were changed; None without one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # there is no git, or it does not trust the folder
        return None
    return {"commit": found.removesuffix("-dirty"), "changed": found.endswith("-dirty")}


def hardware() -> dict[str, Any]:
    """Processor, its cores that may be used, memory, and the GPUs that may be used; no name of the machine."""
    import joblib
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    return {
        "cpu": _processor(),
        "cores": joblib.cpu_count(),
        "memory_gb": memory and round(memory / 1e9, 1),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
    }


def held() -> dict[str, float | None]:
    """The most memory that this process has held, in GB, here and on its GPU; None where that is not known, or none."""
    import torch

    here = peak_memory()
    on_gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    peaks = {"peak_memory_gb": here, "peak_gpu_memory_gb": on_gpu}
    return {key: None if peak is None else round(peak / 1e9, 2) for key, peak in peaks.items()}


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
