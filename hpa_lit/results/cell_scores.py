"""Cells that were found and answered for, against a folder of cells as they are (method 14)."""

from collections.abc import Mapping
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
from hpa_lit.labels import encode
from hpa_lit.results.answers import Answers
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
        labels: A row for each label: label, average_precision, cells.
    """

    fields: int
    true_cells: int
    found_cells: int
    segmentation_precision: float
    mean_average_precision: float
    labels: pd.DataFrame

    @classmethod
    def of(cls, scores: Mapping[str, Any]) -> "CellScores":
        """What `to_dict` gave."""
        labels = pd.DataFrame(scores["labels"], columns=["label", "average_precision", "cells"])
        return cls(**{**scores, "labels": labels.astype({"average_precision": float})})

    def to_dict(self) -> dict[str, object]:
        """The scores as JSON has them: NaN becomes null."""
        rows = self.labels.astype(object).where(self.labels.notna(), None)
        return {**vars(self), "labels": rows.to_dict("records")}

    def __str__(self) -> str:
        return (
            f"{self.fields} fields with {self.true_cells} cells, {self.found_cells} found: segmentation precision "
            f"{self.segmentation_precision:.3f} at an overlap of {SEGMENTED}, mean average precision of cells "
            f"{self.mean_average_precision:.3f} at {ANSWERED}"
        )


def score(truth: Path, masks: Mapping[str, Path], cells: Answers) -> CellScores:
    """Score the cells of fields.

    Args:
        truth: Folder of `TABLE` and `MASKS`; fields that it does not know are left out.
        masks: The label image of each field, as it was found.
        cells: What is said of the cells.

    Raises:
        InputError: The truth is not there, or does not fit.
    """
    table, labels = read_csv(truth / TABLE), cells.names
    if wanted := {"Id", "cell", "Target"} - set(table):
        raise InputError(f"{truth / TABLE} has no column {', '.join(sorted(wanted))}")
    row = {image_id: number for number, image_id in enumerate(cells.ids)}
    fields = []
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
        matrix = [
            encode(target[n], len(labels)) if target[n] else np.zeros(len(labels), np.uint8) for n in true_numbers
        ]
        scores = np.zeros((len(numbers), len(labels)))  # 0 where the network did not see a cell
        for place, number in enumerate(numbers):
            if (answer := row.get(cell_id(str(image_id), number))) is not None:
                scores[place] = cells.probs[answer]
        fields.append(Field(overlaps(there, found), np.array(matrix).reshape(-1, len(labels)), np.nan_to_num(scores)))
    if not fields:
        raise InputError(f"{truth / TABLE} knows none of the fields")
    mean, precisions = mean_average_precision(fields)
    counts = sum(field.truth.sum(axis=0) for field in fields)
    return CellScores(
        len(fields),
        sum(len(field.truth) for field in fields),
        sum(len(field.scores) for field in fields),
        segmentation_precision([field.overlap for field in fields]),
        mean,
        pd.DataFrame({"label": labels, "average_precision": precisions, "cells": counts}),
    )
