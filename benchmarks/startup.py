"""How long people wait for the help of a command."""

import subprocess
import sys
from functools import partial

from benchmarks.measure import Outcome, Row, main, seconds
from hpa_lit.__main__ import COMMANDS


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def run(small: bool) -> Outcome:
    """The slowest ``--help`` of all commands, against importing Hydra alone."""
    commands = list(COMMANDS)[:1] if small else list(COMMANDS)
    ways = {name: partial(python, "-m", f"hpa_lit.{name}", "--help") for name in commands}
    times = seconds(ways | {"hydra": partial(python, "-c", "import hydra.main")}, 1 if small else 5)
    floor = times.pop("hydra")
    slowest = max(times, key=lambda name: times[name])
    row = Row(
        "start of any `--help`",
        "1.5 s",
        f"{times[slowest]:.2f} s, the slowest of {len(times)} ({slowest})",
        f"{floor:.2f} s to import Hydra",
        "no command imports torch, pandas or OpenCV before its work begins",
    )
    return Outcome([row], times | {"floor": floor})


if __name__ == "__main__":
    main("startup", run)
