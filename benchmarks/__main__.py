"""All benchmarks, each in a process of its own: ``python -m benchmarks``, or ``make bench``."""

import subprocess
import sys

# Of the table; those that look at the most memory of a process need one for themselves anyway.
ORDER = (
    "losses",
    "loader",
    "prediction",
    "thresholds",
    "matching",
    "neighbours",
    "group_folds",
    "startup",
    "training",
    "memory",
    "gpu_memory",
    "scaling",
    "compression",
    "portable",
    "finetuning",
    "cells",
    "learning",
    "drawn_weights",
    "evidence",
    "answers",
)


def main() -> None:
    """Run them in the order of the table; arguments, such as --small, go to each."""
    failed = [
        name for name in ORDER if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]]).returncode
    ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
