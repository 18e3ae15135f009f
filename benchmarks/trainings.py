"""What benchmarks that train share: commands on one core, schedules of any length, and intervals."""

import math
import os
import subprocess
import sys
from collections.abc import Iterable

import numpy as np
from scipy import stats

SHAPE = {1 / 15: 3e-3, 1 / 2: 1.5e-3, 0.7: 6e-4, 13 / 15: 1.5e-4}  # scheduler=scratch30, by part of a training


def start(verb: str, *words: str) -> None:
    """Run a command with one thread, in silence unless it fails."""
    command = [sys.executable, "-m", f"hpa_lit.{verb}", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    print(verb, *words, flush=True)


def schedule(epochs: int) -> list[str]:
    """The rates of `SHAPE` over so many epochs."""
    rates = {1: 1e-3} | {max(2, 1 + round(part * epochs)): rate for part, rate in SHAPE.items()}
    return [f"scheduler.epochs={epochs}", f"scheduler.rates={[list(pair) for pair in rates.items()]}"]


def interval(values: Iterable[float]) -> str:
    """Mean and 95 % interval by Student's t."""
    given = list(values)
    if len(given) == 1:
        return f"{given[0]:.3f}"
    half = stats.t.ppf(0.975, len(given) - 1) * np.std(given, ddof=1) / math.sqrt(len(given))
    return f"{np.mean(given):.3f} ± {half:.3f}"
