"""The training runs, how far each came and how good it is: ``python -m hpa_lit.runs``."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from pydantic import Field

from hpa_lit.cli.command import command
from hpa_lit.cli.planned_run import decisive
from hpa_lit.cli.settings import Paths, Settings
from hpa_lit.cli.table import aligned
from hpa_lit.errors import InputError

if TYPE_CHECKING:
    from hpa_lit.results.runs import Run

SHOWN = 3  # differences in a row of the table


class RunsSettings(Settings):
    """Of conf/runs.yaml, which says what each is."""

    paths: Paths
    root: Path | None
    as_json: bool = Field(alias="json")


@command("runs")
def main(config: DictConfig) -> None:
    """Find the runs and say how they are."""
    settings = RunsSettings.of(config)
    from hpa_lit.results.runs import find_runs

    if settings.root and not settings.root.is_dir():
        raise InputError(f"root={settings.root}: there is no such folder")
    root = settings.root or settings.paths.outputs
    runs = find_runs(root)
    differing = differences(runs)
    if settings.as_json:
        found = [asdict(run) | {"differs": differs} for run, differs in zip(runs, differing, strict=True)]
        for run in found:
            del run["config"]
        print(json.dumps(found, default=str, indent=1))
    elif runs:
        rows = [row(run, differs, root) for run, differs in zip(runs, differing, strict=True)]
        print(*aligned([("run", "recipe", "epoch", "best", "state", "differs in"), *rows]), sep="\n")
    else:
        print(f"there are no training runs below {root}: hpa-lit train makes one")


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


def row(run: "Run", differs: dict[str, Any], root: Path) -> tuple[str, ...]:
    """A row of the table."""
    recipe = run.recipe or "_".join(name for name in (run.arch, run.data) if name) or "-"
    best = "-" if run.best is None else f"{run.metric} {run.best:.4f} in {run.best_epoch}"
    brief = [f"{key}={value}" for key, value in differs.items()]
    brief = brief[:SHOWN] + ([f"and {len(brief) - SHOWN} more"] if len(brief) > SHOWN else [])
    where = run.folder.relative_to(root).as_posix()
    return where, recipe, f"{run.epoch}/{run.epochs or '?'}", best, run.state, run.problem or ", ".join(brief)


if __name__ == "__main__":
    main()
