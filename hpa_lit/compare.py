"""Training runs side by side on the same images: ``python -m hpa_lit.compare runs=[A,B]``."""

import glob
import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.planned_run import NAMES, decisive
from hpa_lit.cli.settings import Epoch, Paths, Settings, Several, Share
from hpa_lit.cli.steps import Step, run_steps, setting
from hpa_lit.errors import InputError, listing
from hpa_lit.files.lock import held
from hpa_lit.files.tree import ComparisonTree, OutputTree, RunTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    import pandas as pd

    from hpa_lit.results.arrays import Doubles, LabelMatrix
    from hpa_lit.results.runs import Run

Side = Literal["valid", "test"]
# What may differ in a folder that is written again: where it lies and what is printed, not what is in it.
FREE_KEYS = ("output", "paths", "json")
SEEDS = {"seed", "data.seed", *NAMES} - {"fold", "scheduler.epochs", "scheduler.T_max"}


class CompareSettings(Settings):
    """Of conf/compare.yaml, which says what each is."""

    paths: Paths
    runs: Several[str]
    epoch: Epoch
    dataset: Side
    threshold: Share | Literal["auto"]
    samples: PositiveInt
    predict: str
    output: Path | None
    as_json: bool = Field(alias="json")


@command("compare")
def main(config: DictConfig) -> None:
    """Predict where that is to be done, compare, write tables and page."""
    settings = CompareSettings.of(config)
    from hpa_lit.figures import comparison_page
    from hpa_lit.results import comparison

    if settings.threshold == "auto" and settings.dataset == "valid":
        raise InputError(
            "threshold=auto chooses by the images that runs were validated on: set dataset=test to compare on others, "
            "or give threshold a number"
        )
    runs = find(settings.runs)
    out = ComparisonTree(settings.output or OutputTree(settings.paths.outputs).comparison)
    with held(folder_lock(out.folder), out.folder, "set output=DIR"):
        claim(out.config, settings.plain(), "output=DIR", FREE_KEYS, [out.page])
        sides: tuple[Side, ...] = ("test", "valid") if settings.threshold == "auto" else (settings.dataset,)
        steps = [prediction(settings, run, side, out) for side in sides for run in runs]
        with redirect_stdout(sys.stderr):
            run_steps(steps, out.logs)
        groups = trainings(runs)
        truth, names, probs = same_images(runs, settings.dataset, out)
        models = {name: [probs[run.folder] for run in group] for name, group in groups.items()}
        limits = {
            name: [[threshold(settings, run, out)] * len(names) for run in group] for name, group in groups.items()
        }
        found = comparison.compare(truth, models, names, limits, settings.samples)
        cost = costs(groups)
        tables: Mapping[str, pd.DataFrame] = {"scores": found.scores, "labels": found.labels, "cost": cost}
        for name, table in tables.items():
            with replacing(out.table(name)) as temporary:
                table.to_csv(temporary, index=False)
        with replacing(out.page) as temporary:
            temporary.write_text(comparison_page.render(found, cost), encoding="utf-8")
    if settings.as_json:
        rows = cost.astype(object).where(cost.notna(), None).to_dict("records")
        print(json.dumps(found.to_dict() | {"cost": rows, "page": str(out.page)}, indent=1))
        return
    print(found)
    print(f"page: {out.page}")


def find(patterns: Sequence[str]) -> "list[Run]":
    """The runs whose folders fit, each once, in the order in which they are named.

    Raises:
        InputError: A pattern fits no finished training of a classifier.
    """
    from hpa_lit.results.runs import find_runs

    runs: dict[Path, Run] = {}
    for pattern in patterns:
        folders = sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207, Path.glob takes no absolute pattern
        there = [run for folder in folders for run in find_runs(Path(folder))]
        if not there:
            raise InputError(f"runs={pattern}: there is no training run; hpa-lit runs lists those that are there")
        runs |= {run.folder.resolve(): run for run in there}
    if unfit := [f"{run.folder} is {run.state}" for run in runs.values() if run.state != "finished"]:
        raise InputError(f"{len(unfit)} runs are not finished: finish them, or leave them out:\n{listing(unfit)}")
    if embedders := [
        str(run.folder) for run in runs.values() if run.config.get("task", {}).get("_target_", "").endswith("EmbedTask")
    ]:
        raise InputError(
            f"{len(embedders)} runs are of embedders, which have no labels: leave them out:\n{listing(embedders)}"
        )
    return list(runs.values())


def prediction(settings: CompareSettings, run: "Run", side: Side, out: ComparisonTree) -> Step:
    """Predict the images that a run was validated on, or set apart for testing."""
    tree, output = RunTree(run.folder), out.predictions(str(run.folder), side)
    words = (
        *(setting("run", run.folder), setting("epoch", settings.epoch), setting("dataset", side)),
        *shlex.split(settings.predict),
        *(setting(f"paths.{name}", place) for name, place in settings.paths),
        setting("out", output),
    )
    made_from = (tree.checkpoint(settings.epoch), tree.record)
    return Step(f"predict {run.folder} {side}", "predict", words, output, made_from)


def trainings(runs: "Sequence[Run]") -> "dict[str, list[Run]]":
    """The trainings of each model: runs that differ in the seed alone, under the first one's folder below them all."""
    root = Path(os.path.commonpath([run.folder for run in runs])) if len(runs) > 1 else Path()
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = json.dumps(decisive(run.config, SEEDS), sort_keys=True, default=str)
        groups.setdefault(key, []).append(run)
    return {group[0].folder.relative_to(root).as_posix(): group for group in groups.values()}


def same_images(
    runs: "Sequence[Run]", side: Side, out: ComparisonTree
) -> "tuple[LabelMatrix, tuple[str, ...], dict[Path, Doubles]]":
    """What is true of the images that all runs know, the label names, and what each run says of them.

    Args:
        runs: R runs.
        side: Of the runs' records.
        out: Where their predictions lie.

    Returns:
        Truth (N, K), K names, and by the run's folder probabilities (N, K), the mean over the views.

    Raises:
        InputError: The runs' images, their labels or the label names differ, or an image failed.
    """
    import numpy as np

    from hpa_lit.data.record import read_record
    from hpa_lit.files import prediction_file
    from hpa_lit.results.ensemble import over_views
    from hpa_lit.results.files import good_rows

    predictions = {str(run.folder): prediction_file.read(out.predictions(str(run.folder), side)) for run in runs}
    truths = {str(run.folder): read_record(RunTree(run.folder).record)[side] for run in runs}
    targets = {name: dict(zip(table["Id"], table["Target"], strict=True)) for name, table in truths.items()}
    first = str(runs[0].folder)
    good_rows(predictions, "error")
    for name in predictions:
        if predictions[name].labels != predictions[first].labels:
            raise InputError(f"{name} and {first} know other labels, and cannot be compared")
        if differing := [i for i, target in targets[name].items() if targets[first].get(i) != target]:
            raise InputError(
                f"{name} and {first} learned other labels of {len(differing)} images:\n{listing(differing)}"
            )
    names = predictions[first].labels
    truth = np.zeros((len(predictions[first].ids), len(names)), np.uint8)
    for row, image_id in enumerate(predictions[first].ids):
        truth[row, [int(label) for label in targets[first][image_id].split()]] = 1  # an image of a user's may have none
    probs = {run.folder: over_views(predictions[str(run.folder)].probabilities.swapaxes(0, 1), "mean") for run in runs}
    return truth, names, probs


def threshold(settings: CompareSettings, run: "Run", out: ComparisonTree) -> float:
    """The probability above which a run's labels are given: what was asked for, or what is best where it validated."""
    if settings.threshold != "auto":
        return settings.threshold
    from hpa_lit.results.deciding import common_threshold

    truth, _, probs = same_images([run], "valid", out)
    return float(common_threshold(probs[run.folder], truth, always_top=False)[0])


def costs(groups: "Mapping[str, Sequence[Run]]") -> "pd.DataFrame":
    """What a training of each model cost, as `comparison_page.render` takes it; NaN where a run does not know."""
    import numpy as np
    import pandas as pd

    from hpa_lit.inference.model import describe

    rows = []
    for name, group in groups.items():
        made = [json.loads(RunTree(run.folder).provenance.read_text()) for run in group]
        seconds = float(np.mean([record["wall_seconds"] for record in made]))
        seen = float(
            np.mean(
                [run.epoch * record["starts"][-1]["images"]["train"] for run, record in zip(group, made, strict=True)]
            )
        )
        net = describe(RunTree(group[0].folder).checkpoint("best"), trust=False).load()
        rows.append(
            {
                "model": name,
                "trainings": len(group),
                "epochs": group[0].epoch,
                "seconds": seconds,
                "cpu_seconds": _of_starts(np.sum, made, "cpu_seconds"),
                "peak_memory_gb": _of_starts(np.max, made, "peak_memory_gb"),
                "peak_gpu_memory_gb": _of_starts(np.max, made, "peak_gpu_memory_gb"),
                "images_per_second": seen / seconds if seconds else float("nan"),
                "parameters": sum(parameter.numel() for parameter in net.parameters()),
            }
        )
    return pd.DataFrame(rows)


def _of_starts(over: Callable[[list[float]], float], made: Sequence[Mapping[str, Any]], key: str) -> float:
    """The mean over trainings of what their starts took, each `over` its starts; NaN where one is not known."""
    known = [[math.nan if start.get(key) is None else start[key] for start in run["starts"]] for run in made]
    return float(sum(map(over, known)) / len(made))


if __name__ == "__main__":
    main()
