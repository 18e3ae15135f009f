"""The training runs below a folder, and how far each came; read without torch, in folders that others write into."""

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from hpa_lit.errors import InputError
from hpa_lit.files.lock import is_held
from hpa_lit.files.reading import reading
from hpa_lit.files.tree import RunTree, folder_lock

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Run:
    """A training run; None is what its files do not say.

    Attributes:
        folder: Where it lies.
        state: running: a process writes there; damaged: `problem` says what is; finished; stopped: none of these.
        recipe: The experiment that it was started with.
        arch: Name of its network.
        data: Name of its images.
        epoch: The last one that ended, counted from 1; 0 before the first has.
        epochs: How many were asked for.
        metric: What decides which epoch is best.
        best: Its best value.
        best_epoch: The epoch with that value.
        problem: What cannot be read.
        config: Its settings.
    """

    folder: Path
    state: Literal["running", "damaged", "finished", "stopped"]
    recipe: str | None
    arch: str | None
    data: str | None
    epoch: int
    epochs: int | None
    metric: str | None
    best: float | None
    best_epoch: int | None
    problem: str | None
    config: Mapping[str, Any]


def find_runs(root: Path) -> list[Run]:
    """The runs at whatever depth below a folder, in the order of their names; folders of others are passed over."""
    return sorted(_runs(root), key=lambda run: run.folder)


def _runs(root: Path) -> Iterator[Run]:
    seen = set()
    for folder, inside, files in os.walk(root, followlinks=True):
        tree, real = RunTree(Path(folder)), os.path.realpath(folder)
        run = _run(tree) if {tree.config.name, tree.provenance.name} & {*files} else None
        if run is not None and real not in seen:
            yield run
        if run is not None or real in seen:  # a link may lead back
            inside.clear()
        seen.add(real)


def _run(tree: RunTree) -> Run | None:
    """What a folder says of a run; None where it is no run's."""
    problems: list[str] = []
    config = _mapping(tree.config, yaml.safe_load, problems)
    record = _mapping(tree.provenance, json.loads, problems)
    result = _mapping(tree.result, json.loads, problems)
    checkpoints = tree.checkpoint("last").parent
    if not ("starts" in record or "run_name" in config or (problems and checkpoints.is_dir())):
        return None
    metric, epochs = _value(config, str, "monitor"), _value(config, int, "scheduler", "epochs")
    scores = _scores(tree, metric, problems)
    ended = [int(path.stem.removeprefix("epoch_")) for path in tree.numbered_checkpoints() if path.stem[6:].isdigit()]
    best_epoch = _value(result, int, "best_epoch")
    best = _value(result, float, "score")
    if best_epoch is None and scores:
        best_epoch = (max if config.get("mode") == "max" else min)(scores, key=lambda epoch: scores[epoch])
        best = scores[best_epoch]
    running, finished = is_held(folder_lock(tree.folder)), record.get("finished", bool(result))
    return Run(
        folder=tree.folder,
        state="running" if running else "damaged" if problems else "finished" if finished else "stopped",
        recipe=_recipe(record),
        arch=_value(config, str, "arch", "arch"),
        data=_value(config, str, "data", "name"),
        epoch=max([_value(result, int, "epochs") or 0, *scores, *ended]),
        epochs=epochs,
        metric=metric,
        best=best,
        best_epoch=best_epoch,
        problem="; ".join(problems) or None,
        config=config,
    )


def _mapping(path: Path, load: Callable[[str], Any], problems: list[str]) -> dict[str, Any]:
    """What a file holds, nothing where there is none; what is wrong with it is put among the problems."""
    if not path.exists():
        return {}
    try:
        with reading(path):
            found = load(path.read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("it holds no mapping")
    except InputError as error:
        problems.append(str(error))
        return {}
    return found


def _value(mapping: Mapping[str, Any], kind: type[Kind], *keys: str) -> Kind | None:
    """What stands in a mapping of mappings, where it is of this kind."""
    node: Any = mapping
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, kind) else None


def _scores(tree: RunTree, metric: str | None, problems: list[str]) -> dict[int, float]:
    """The metric by epoch, from the logs of all starts; an epoch that was computed again counts as the last time."""
    scores: dict[int, float] = {}
    try:
        for path in tree.metrics():
            if path.is_file():  # written once the first epoch has ended
                with reading(path), path.open(newline="", encoding="utf-8") as file:
                    rows = [row for row in csv.DictReader(file) if metric and row.get(metric)]
                    scores |= {int(float(row["epoch"])): float(row[metric or ""]) for row in rows}
    except InputError as error:
        problems.append(str(error))
    return {epoch: score for epoch, score in scores.items() if math.isfinite(score)}


def _recipe(record: Mapping[str, Any]) -> str | None:
    """The experiment that the command of the last start names."""
    starts = record.get("starts")
    last = starts[-1] if isinstance(starts, list) and starts else None
    command = _value(last, str, "command") if isinstance(last, dict) else None
    found = re.search(r"\bexperiment=([\w/.-]+)", command or "")
    return found[1] if found else None
