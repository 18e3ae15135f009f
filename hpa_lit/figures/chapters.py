"""The chapters of a report: from arrays and tables to the numbers, figures and pictures that its page shows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.figures import plots
from hpa_lit.figures.contact_sheet import Tile, composite, contact_sheet
from hpa_lit.figures.pictures import beside, encoded, heat, protein
from hpa_lit.files.rgby import Pixels
from hpa_lit.results import curves, evaluation
from hpa_lit.results.arrays import Doubles, LabelMatrix
from hpa_lit.results.calibration import expected_error, reliability

_SIDE = 160  # pixels of a micrograph on the page; on contact sheets they are larger
# Columns of training logs that share a figure, and its name; the last column is the one that counts.
_METRICS = {
    "loss": (("train/loss", "valid/loss"), "loss"),
    "focal": (("valid/focal",), "validation focal loss"),
    "macro_f1": (("valid/macro_f1",), "validation macro F1"),
    "map5": (("valid/map5",), "validation map5"),
    "lr": (("lr",), "learning rate"),
}


@dataclass(frozen=True, eq=False)
class Chapter:
    """A part of the page.

    Attributes:
        values: What the page's template shows, by the name it uses.
        tables: The numbers, by the name of their CSV.
        pictures: PNGs, by the name of their file.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def file_name(number: int, label: str) -> str:
    """A label as part of a file's name: 27 and "Rods & rings" give 27_Rods_rings."""
    return f"{number:02}_{re.sub(r'[^A-Za-z0-9]+', '_', label).strip('_')}"


def counts(probs: Doubles, predicted: LabelMatrix, names: Sequence[str]) -> Chapter:
    """How often each label was given, where there is no truth to compare with."""
    table = pd.DataFrame({"label": names, "predicted": predicted.sum(axis=0, dtype=np.int64)})
    table = table.assign(share=predicted.mean(axis=0), mean_probability=probs.mean(axis=0))
    return Chapter(tables={"labels": table})


def scores(target: LabelMatrix, predicted: LabelMatrix, probs: Doubles, names: tuple[str, ...]) -> Chapter:
    """Scores of each label with their intervals, its calibration error, and precision against recall."""
    found = evaluation.scores(target, predicted, names, probs)
    errors = [expected_error(reliability(target[:, [k]], probs[:, [k]])) for k in range(len(names))]
    intervals = evaluation.label_intervals(target, predicted, probs)
    table = pd.concat([found.labels, intervals], axis=1).assign(calibration_error=errors)
    curve = curves.precision_recall(target, probs, names)
    pictures = {"labels": plots.png(plots.label_scores(table))}
    drawn = []
    for number, row in enumerate(table.to_dict("records")):
        if row["support"]:
            picture = f"precision_recall_{file_name(number, row['label'])}"
            answer = (row["recall"], row["precision"])
            figure = plots.precision_recall(curve[curve["label"] == row["label"]], answer, row["support"] / len(target))
            pictures[picture] = plots.png(figure)
            drawn.append({**row, "picture": picture})
    values = {
        "scores": found,
        "mean_average_precision": found.labels["average_precision"].mean(),
        "curves": drawn,
        "absent": [name for name, support in zip(names, found.labels["support"], strict=True) if not support],
    }
    return Chapter(values, {"labels": table, "precision_recall": curve}, pictures)


def calibration(target: LabelMatrix, probs: Doubles) -> Chapter:
    """The reliability diagram over all cells, and its error."""
    table = reliability(target, probs)
    values = {"error": expected_error(table), "cells": target.size}
    return Chapter(values, {"calibration": table}, {"calibration": plots.png(plots.reliability(table))})


def cooccurrence(target: LabelMatrix | None, predicted: LabelMatrix, names: Sequence[str]) -> Chapter:
    """Which labels are given to images that truly have each label, or without the truth, that are given each label."""
    rows, row_name = (predicted, "label given") if target is None else (target, "true label")
    table = curves.cooccurrence(rows, predicted, names)
    having = rows.sum(axis=0, dtype=np.int64)
    figure = plots.matrix(table.div(np.where(having, having, np.nan), axis=0), row_name, "label given")
    tables = {"cooccurrence": table.rename_axis(row_name).reset_index()}
    return Chapter(tables=tables, pictures={"cooccurrence": plots.png(figure)})


def steps(paths: Mapping[str, Path]) -> Chapter:
    """The score after each step, as `curves.steps` reads it."""
    table = curves.steps(paths)
    return Chapter(tables={"steps": table}, pictures={"steps": plots.png(plots.steps(table))})


def training(logs: Mapping[str, Sequence[Path]]) -> Chapter:
    """The training curves of runs, classifiers and embedders apart, since their losses are not of one kind.

    Args:
        logs: Their CSV logs, see `curves.training`, by the name of the run.
    """
    runs = {name: curves.training(paths) for name, paths in logs.items()}
    pictures = {}
    for kind, mark in (("classifier", "valid/macro_f1"), ("embedder", "valid/map5")):
        alike = {name: table for name, table in runs.items() if mark in table}
        for metric, (columns, ylabel) in _METRICS.items():
            if having := {name: table for name, table in alike.items() if set(columns) <= set(table)}:
                figure = plots.training(having, columns, f"{ylabel} ({kind})", log=metric == "lr")
                pictures[f"training_{kind}_{metric}"] = plots.png(figure)
    table = pd.concat([table.assign(run=name) for name, table in runs.items()]).set_index("run").reset_index()
    return Chapter(tables={"training": table}, pictures=pictures)


def sheets(
    found: pd.DataFrame, labelled: Mapping[str, str], names: Sequence[str], read: Callable[[str], Pixels], most: int
) -> Chapter:
    """Contact sheets: for each label and each kind of example the first ones, in colour and the protein alone.

    Args:
        found: Label, kind, Id, probability, as `examples.choose` gives them.
        labelled: What to say of the labels of each Id.
        names: The labels in order.
        read: From an Id to its picture, shape (H, W, C), red, green and blue first.
        most: How many images of a kind.
    """
    labels, pictures = [], {}
    for number, name in enumerate(names):
        groups, rows = [], []
        for kind, chosen in found[found["label"] == name].groupby("kind", sort=False):
            images, tiles = [], []
            for example in chosen.head(most).to_dict("records"):
                image, said = read(example["Id"]), labelled[example["Id"]]
                small = encoded(beside(composite(image), protein(image), _SIDE), "jpeg")
                images.append({**example, "labelled": said, "jpeg": small})
                tiles += [Tile(image, [f"{name}: {kind} {example['probability']:.2f}", example["Id"], said])]
                tiles += [Tile(protein(image), ["protein alone"])]
            groups.append({"kind": kind, "total": len(chosen), "images": images})
            rows.append((tiles[0], tiles[1:]))
        labels.append({"name": name, "groups": groups})
        if rows:
            pictures[f"sheet_{file_name(number, name)}"] = encoded(contact_sheet(rows), "png")
    return Chapter({"labels": labels}, {"examples": found}, pictures)


def activations(found: pd.DataFrame, seen: Sequence[tuple[Pixels, npt.NDArray[np.float32]]]) -> Chapter:
    """Class activation maps over the protein.

    Args:
        found: N examples: label, kind, Id, probability.
        seen: For each the image (S, S, C) as the network saw it, and the map (S, S), 0..1.
    """
    maps, rows = [], []
    for example, (image, activation) in zip(found.to_dict("records"), seen, strict=True):
        warm = heat(protein(image), activation)
        maps.append({**example, "jpeg": encoded(beside(composite(image), warm, 2 * _SIDE), "jpeg")})
        caption = [f"{example['label']} {example['probability']:.2f}", example["Id"]]
        rows.append((Tile(image, caption), [Tile(protein(image), ["protein alone"]), Tile(warm, ["activation"])]))
    if not rows:
        return Chapter({"maps": maps})
    sheet = contact_sheet(rows, min(len(seen[0][0]), 2 * _SIDE))
    return Chapter({"maps": maps}, pictures={"activation_maps": encoded(sheet, "png")})
