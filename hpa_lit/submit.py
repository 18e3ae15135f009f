"""``python -m hpa_lit.submit``: probabilities to thresholds, label strings and, where the truth is known, scores."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from omegaconf import DictConfig
from pydantic import Field

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.settings import OnFailed, Paths, Settings, Several, Share
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.files.lock import held
from hpa_lit.files.tree import AnswerTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    from hpa_lit.files.prediction_file import Predictions
    from hpa_lit.results.arrays import Doubles

# What may differ in a folder that is written again: where it lies and what is printed, not what is in it. Of the paths,
# the data folder has known answers, the sample submission and labels to count.
FREE_KEYS = ("output", "paths.outputs", "json")


class SubmitSettings(Settings):
    """Of conf/submit.yaml, which says what each is."""

    paths: Paths
    predictions: Path
    thresholds: Literal["auto", "ratio", "fixed", "f1", "soft_f1"]
    always_top: bool
    ratios: Literal["train", "leaderboard"] | Path
    leak: Literal["data"] | Path | None
    sample: Literal["data"] | Path | None
    fixed: Share | tuple[Share, ...]
    out_of_fold: Path | None
    out_of_fold_truth: Literal["data"] | Several[Path]
    truth: Several[Path] | None
    on_failed: OnFailed
    as_json: bool = Field(alias="json")
    output: Path


@command("submit")
def main(config: DictConfig) -> None:
    """Choose thresholds, answer, score, write."""
    import pandas as pd

    from hpa_lit.results import evaluation, files, submission, tables

    settings = SubmitSettings.of(config)
    data, out = DataTree(settings.paths.root), AnswerTree(settings.output)
    predictions = files.read_single(settings.predictions, settings.on_failed)
    names, ids = predictions.labels, list(predictions.ids)
    probs = pd.DataFrame(predictions.probabilities[:, 0], index=ids)

    if settings.thresholds == "auto":
        # Only the atlas says how common its labels are; among anybody's images they are as common as they are.
        kind = "ratio" if predictions.dataset in get_args(ImageSet) else "fixed"
        settings = settings.model_copy(update={"thresholds": kind})
    limits, expected = choose(settings, data, predictions)
    answers = submission.to_strings(probs, limits, settings.always_top)
    wanted = tables.ids(_place(settings.sample, data.sample_submission)) if settings.sample else ids
    table = submission.in_order(ids, answers, wanted)
    if settings.leak:
        table = submission.with_answers(table, tables.answers(_place(settings.leak, data.leak), len(names)), len(names))
    probs = probs.loc[table.Id]

    result: dict[str, Any] = {"submission": str(out.submission), "images": len(table), "expected": expected}
    if settings.truth:
        truth = tables.targets(settings.truth, table.Id.tolist(), len(names))
        scores = evaluation.scores(truth, submission.to_rows(table.Predicted.tolist(), len(names)), names, probs)
        result["scores"] = scores.to_dict()

    with held(folder_lock(out.folder), out.folder, "set output=DIR"):
        claim(out.config, settings.plain(), "output=DIR", FREE_KEYS, out.results)
        for suffix in ("csv", "parquet"):
            submission.write(out.wide(suffix), submission.wide(table, names, probs))
        submission.write(out.thresholds, pd.DataFrame({"label": names, "threshold": limits}))
        with replacing(out.scores) as temporary:
            temporary.write_text(json.dumps(result, indent=1))
        submission.write(out.submission, table)  # the last file: a folder that has it is whole
    if settings.as_json:
        print(json.dumps(result))
        return
    if expected:
        print("expected macro F1 {macro_f1:.4f} (95 % interval {low:.4f} to {high:.4f})".format(**expected))
    if settings.truth:
        print(scores)
    print(f"{len(table)} images by thresholds={settings.thresholds} -> {out.submission}")


def choose(
    settings: SubmitSettings, data: DataTree, predictions: "Predictions"
) -> tuple["Doubles", dict[str, float] | None]:
    """The thresholds, and for fitted ones the macro F1 that they promise on images they were not fitted on."""
    from hpa_lit.results import evaluation, files, tables, thresholds

    fits = {"f1": thresholds.f1, "soft_f1": thresholds.soft_f1}
    kind, names = settings.thresholds, predictions.labels
    if kind == "fixed":
        if isinstance(settings.fixed, tuple) and len(settings.fixed) != len(names):
            raise InputError(
                f"fixed has {len(settings.fixed)} thresholds for {len(names)} labels: give one, or as many"
            )
        return thresholds.fixed(settings.fixed, len(names)), None
    if kind == "ratio":
        return thresholds.ratio(predictions.probabilities[:, 0], wanted_ratios(settings.ratios, data, names)), None
    if not settings.out_of_fold:
        raise InputError(f"thresholds={kind} are fitted on combined validation predictions: set out_of_fold=FILE")
    known = files.read_single(settings.out_of_fold, settings.on_failed)
    if known.labels != names:
        raise InputError(f"{settings.out_of_fold} has other labels than the predictions: {', '.join(known.labels)}")
    where = settings.out_of_fold_truth
    tables_of_truth = [data.metadata("train"), data.metadata("external")] if isinstance(where, str) else where
    truth, probs = tables.targets(tables_of_truth, known.ids, len(names)), known.probabilities[:, 0]
    held_out = thresholds.cross_validated(probs, truth, fits[kind], settings.always_top)
    low, high = evaluation.bootstrap_interval(truth, held_out)
    expected = {"macro_f1": evaluation.present_macro_f1(truth, held_out), "low": low, "high": high}
    return fits[kind](probs, truth), expected


def wanted_ratios(ratios: Literal["train", "leaderboard"] | Path, data: DataTree, names: tuple[str, ...]) -> "Doubles":
    """The share of images that each label is to be given to."""
    from hpa_lit.results import tables, thresholds

    if isinstance(ratios, Path):
        return tables.by_label(ratios, "ratio", names, 0, 1)
    if not data.train_csv.is_file():
        raise InputError(
            f"ratios={ratios} counts labels in {data.train_csv}, which is not there: set paths.root to the data "
            "folder, ratios to a table label,ratio, or thresholds=fixed"
        )
    frequency = tables.frequencies(data.train_csv, len(names))
    return frequency if ratios == "train" else thresholds.leaderboard_ratios(frequency)


def _place(value: Literal["data"] | Path, in_data: Path) -> Path:
    return value if isinstance(value, Path) else in_data


if __name__ == "__main__":
    main()
