"""Cells that were found and answered for, against a folder of cells as they are (method 14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files import label_image
from hpa_lit.files.csv_table import read_csv
from hpa_lit.files.names import cell_id
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.results.answers import Answers
from hpa_lit.results.arrays import Doubles, LabelMatrix
from hpa_lit.results.calibration import expected_error, reliability
from hpa_lit.results.deciding import decide
from hpa_lit.results.decision import Decision
from hpa_lit.results.instances import (
    ANSWERED,
    SEGMENTED,
    Field,
    mean_average_precision,
    overlaps,
    segmentation_precision,
)

TABLE, MASKS = "cells.csv", "cells"  # Id,cell,Target, and <Id>.tif, as a drawn atlas has them in its folder hidden


@dataclass(frozen=True, eq=False)
class CellScores:
    """How good masks are, and answers about cells.

    Attributes:
        fields: How many were scored.
        true_cells: How many cells they have.
        found_cells: How many were found.
        segmentation_precision: See `instances.segmentation_precision`.
        mean_average_precision: See `instances.mean_average_precision`.
        calibration_error: Expected calibration error of the cells that were found.
        labels: A row for each label: label, average_precision, cells.
    """

    fields: int
    true_cells: int
    found_cells: int
    segmentation_precision: float
    mean_average_precision: float
    calibration_error: float
    labels: pd.DataFrame

    @classmethod
    def of(cls, scores: Mapping[str, Any]) -> "CellScores":
        """What `to_dict` gave."""
        numbers: dict[str, Any] = {name: float("nan") if value is None else value for name, value in scores.items()}
        labels = pd.DataFrame(scores["labels"], columns=["label", "average_precision", "cells"])
        return cls(**{**numbers, "labels": labels.astype({"average_precision": float})})

    def to_dict(self) -> dict[str, object]:
        """The scores as JSON has them: NaN becomes null."""
        rows = self.labels.astype(object).where(self.labels.notna(), None)
        plain = {name: None if value != value else value for name, value in vars(self).items() if name != "labels"}
        return {**plain, "labels": rows.to_dict("records")}

    def __str__(self) -> str:
        return (
            f"{self.fields} fields with {self.true_cells} cells, {self.found_cells} found: segmentation precision "
            f"{self.segmentation_precision:.3f} at an overlap of {SEGMENTED}, mean average precision of cells "
            f"{self.mean_average_precision:.3f} at {ANSWERED}, calibration error {self.calibration_error:.3f}"
        )


@dataclass(frozen=True, eq=False)
class KnownCells:
    """The cells of fields, as they are and as they were found.

    Attributes:
        names: K label names.
        fields: Overlaps, labels and probabilities of each.
        ids: Of the fields.
    """

    names: tuple[str, ...]
    fields: tuple[Field, ...]
    ids: tuple[str, ...]

    def scores(self) -> CellScores:
        """How good masks and answers are."""
        mean, precisions = mean_average_precision(self.fields)
        probs, truth, _ = self._found()
        return CellScores(
            len(self.fields),
            sum(len(field.truth) for field in self.fields),
            sum(len(field.scores) for field in self.fields),
            segmentation_precision([field.overlap for field in self.fields]),
            mean,
            expected_error(reliability(truth, probs)) if len(probs) else float("nan"),
            pd.DataFrame(
                {
                    "label": self.names,
                    "average_precision": precisions,
                    "cells": sum(field.truth.sum(axis=0) for field in self.fields),
                }
            ),
        )

    def decision(self) -> Decision | None:
        """What makes the probabilities of such cells mean what they say; None where too few fields have any."""
        probs, truth, groups = self._found()
        if not len(probs):
            return None
        return decide(self.names, probs, truth, dataset="cells", groups=groups, always_top=False)

    def _found(self) -> tuple[Doubles, LabelMatrix, list[str]]:
        """Probabilities and true labels of the found cells that are true ones, by `SEGMENTED`, and their fields.

        Of those alone that something is said of.
        """
        probs, truth, groups = [], [], []
        for image_id, field in zip(self.ids, self.fields, strict=True):
            unknown = np.isnan(field.scores).any(axis=1, keepdims=True)
            found, true = np.nonzero((field.overlap > SEGMENTED).T & ~unknown)
            probs.append(field.scores[found])
            truth.append(field.truth[true])
            groups += [image_id] * len(found)
        return np.concatenate(probs), np.concatenate(truth), groups


def known_cells(truth: Path, masks: Mapping[str, Path], cells: Answers) -> KnownCells:
    """The cells of fields beside the truth.

    Args:
        truth: Folder of `TABLE` and `MASKS`; fields that it does not know are left out. Its labels are numbers of the
            28 locations where all labels of the cells are among these, else places in the labels of the cells.
        masks: The label image of each field, as it was found.
        cells: What is said of the cells.

    Raises:
        InputError: The truth is not there, or does not fit.
    """
    table = read_csv(truth / TABLE)
    if wanted := {"Id", "cell", "Target"} - set(table):
        raise InputError(f"{truth / TABLE} has no column {', '.join(sorted(wanted))}")
    row = {image_id: number for number, image_id in enumerate(cells.ids)}
    fields = {}
    for image_id, rows in table.groupby("Id"):
        if image_id not in masks:
            continue
        there, found = label_image.read(truth / MASKS / f"{image_id}.tif"), label_image.read(masks[str(image_id)])
        if found.shape != there.shape:
            size = there.shape[1], there.shape[0]
            found = np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint16)
        target = {int(cell): t for cell, t in zip(rows["cell"], rows["Target"], strict=True)}
        true_numbers, numbers = (np.unique(mask[mask > 0]).tolist() for mask in (there, found))
        if absent := [f"{image_id} cell {number}" for number in true_numbers if number not in target]:
            raise InputError(f"{truth / TABLE} has no row for {len(absent)} cells:\n{listing(absent)}")
        probs = np.full((len(numbers), len(cells.names)), np.nan)  # as of a cell that the network did not see
        for place, number in enumerate(numbers):
            if (answer := row.get(cell_id(str(image_id), number))) is not None:
                probs[place] = cells.probs[answer]
        labels = _label_matrix([target[number] for number in true_numbers], cells.names)
        fields[str(image_id)] = Field(overlaps(there, found), labels, probs)
    if not fields:
        raise InputError(f"{truth / TABLE} knows none of the fields")
    return KnownCells(cells.names, tuple(fields.values()), tuple(fields))


def _label_matrix(targets: Sequence[str], names: Sequence[str]) -> LabelMatrix:
    """Labels of cells, (T, K); no label is none."""
    locations = set(names) <= set(LABEL_NAMES)
    count = len(LABEL_NAMES) if locations else len(names)
    rows = [encode(target, count) if target else np.zeros(count, np.uint8) for target in targets]
    matrix = np.array(rows, np.uint8).reshape(-1, count)
    return matrix[:, [LABEL_NAMES.index(name) for name in names]] if locations else matrix
