"""In which settings training runs differ, of those that make a run another."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpa_lit.cli.claim import flat
from hpa_lit.cli.planned_run import FREE_KEYS

if TYPE_CHECKING:
    from hpa_lit.results.runs import Run

# What names a run, what its images decide, and what a column of the table says.
NAMES = {"run_name", "run_folder", "tag", "fold", "labels", "num_classes", "scheduler.epochs", "scheduler.T_max"}


def differences(runs: Sequence["Run"]) -> list[dict[str, Any]]:
    """The settings in which the runs of one network and kind of images differ, with the values of each run."""
    leaves = [decisive(run.config) for run in runs]
    values: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for run, its in zip(runs, leaves, strict=True):
        for key in {key for other in leaves for key in other}:
            values[run.arch, run.data, key].add(repr(its.get(key)))
    return [
        {key: value for key, value in its.items() if len(values[run.arch, run.data, key]) > 1}
        for run, its in zip(runs, leaves, strict=True)
    ]


def decisive(config: Mapping[str, Any], names: Collection[str] = NAMES) -> dict[str, Any]:
    """The settings that make a run another, by dotted names, each once: data.seed is what seed says.

    Args:
        config: Of a run.
        names: Keys that are left out, too.
    """
    leaves = flat(dict(config))
    return {
        key: value
        for key, value in leaves.items()
        if key not in names and not key.startswith(FREE_KEYS) and not ("." in key and key.rpartition(".")[2] in leaves)
    }
