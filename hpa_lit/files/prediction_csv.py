"""A prediction as a table for people: one row an image, its answer in words, and what the answer was made from.

Columns: ``Id``, ``locations`` (the labels given, by name), ``top3`` (the three most probable, with their
probabilities), ``status``, ``size`` and ``channels`` of the image as it was read, and a probability for each label by
its name. All but the Id and the probabilities may be left out of a table that is read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.csv_table import read_csv
from hpa_lit.files.prediction_file import ALL_VIEWS, OK, Floats, Predictions
from hpa_lit.files.writing import replacing

# What is no label: of any table, of an image as it was read, of a field with its cells, of a cell in its field.
BESIDE: tuple[str, ...] = ("Id", "locations", "top3", "status", "size", "channels")
BESIDE += ("cell_count", "cell_shares", "cell_entropy", "cells_differ")
BESIDE += ("field", "cell_number", "centre_x", "centre_y", "pixels", "remark")


def write(
    path: Path,
    predictions: Predictions,
    probabilities: Floats,
    given: npt.NDArray[np.bool_],
    beside: Mapping[str, Sequence[object]] = MappingProxyType({}),
) -> None:
    """Write a table of N images.

    Args:
        path: The CSV to write.
        predictions: Whose Ids and failures these are.
        probabilities: What the table shows, shape (N, K); NaN where the image failed.
        given: The labels that each image is given, shape (N, K).
        beside: Further columns by name, of `BESIDE`.
    """
    assert set(beside) <= set(BESIDE)  # or they would be read as labels
    names = list(predictions.labels)
    columns: dict[str, Sequence[object]] = {"Id": predictions.ids}
    if names:
        answers = [_answer(*row, names) for row in zip(probabilities, given, strict=True)]
        columns |= {"locations": [given for given, _ in answers], "top3": [top for _, top in answers]}
    columns |= {"status": predictions.status, **beside}
    table = pd.concat([pd.DataFrame(columns), pd.DataFrame(probabilities, columns=names)], axis=1)
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def read(path: Path) -> Predictions:
    """Read such a table, rows in any order: predictions of one view, whose run and dataset have the file's name.

    Raises:
        InputError: It is no such table, or its content breaks the rules of `Predictions`.
    """
    table = read_csv(path)
    columns = [str(name) for name in table]
    labels = [name for name in columns if name not in BESIDE]
    if "Id" not in table or not labels:
        raise InputError(
            f"{path} is no table of predictions: it needs a column Id, and one of probabilities for each label; "
            f"it has {', '.join(columns)}"
        )
    table = table.sort_values("Id", kind="stable")
    cells = table[labels].replace("", "nan")
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    wrong = [
        f"{table['Id'].iloc[row]}: {cells.iat[row, column]!r} under {labels[column]}"
        for row, column in np.argwhere(np.isnan(numbers) & (cells != "nan").to_numpy())
    ]
    if wrong:
        raise InputError(f"{path} has {len(wrong)} cells that are no probability:\n{listing(wrong)}")
    try:
        return Predictions(
            ids=tuple(table["Id"]),
            status=tuple(table["status"]) if "status" in table else (OK,) * len(table),
            views=(ALL_VIEWS,),
            labels=tuple(labels),
            probabilities=numbers[:, None],
            run=path.stem,
            fold=None,
            dataset=path.stem,
            checkpoint="",
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_given(path: Path, predictions: Predictions) -> npt.NDArray[np.bool_] | None:
    """The labels that such a table gives to images, shape (N, K); None where it has no column ``locations``.

    Args:
        path: The table.
        predictions: What `read` gave of it, or some of its images.

    Raises:
        InputError: A location is none of the labels.
    """
    table = read_csv(path)
    if "locations" not in table:
        return None
    words = dict(zip(table["Id"], table["locations"], strict=True))
    given = np.zeros((len(predictions.ids), len(predictions.labels)), bool)
    wrong = []
    for row, image_id in enumerate(predictions.ids):
        rest = words[image_id]
        while rest:
            # A name may hold a comma, and begin as another: the longest that fits is meant.
            names = [name for name in predictions.labels if rest == name or rest.startswith(f"{name}, ")]
            if not names:
                wrong.append(f"{image_id}: {rest}")
                break
            name = max(names, key=len)
            given[row, predictions.labels.index(name)] = True
            rest = rest[len(name) :].removeprefix(", ")
    if wrong:
        raise InputError(f"{path} gives {len(wrong)} images what is none of its labels:\n{listing(wrong)}")
    return given


def refuse_other(path: Path) -> None:
    """Raise `InputError` where another file than such a table lies, which one must not take the place of."""
    if not path.exists():
        return
    with path.open(errors="replace") as file:
        header = file.readline().strip().split(",")
    if not {"Id", "status"} <= set(header):
        raise InputError(f"{path} is there and is no table of predictions: choose another name, or remove it")


def _answer(probabilities: Floats, given: npt.NDArray[np.bool_], names: list[str]) -> tuple[str, str]:
    """The locations of an image and its three most probable labels, in words; empty where it failed."""
    if np.isnan(probabilities).any():
        return "", ""
    falling = np.argsort(-probabilities, kind="stable")
    top = ", ".join(f"{names[label]} {probabilities[label]:.2f}" for label in falling[:3])
    return ", ".join(names[label] for label in falling if given[label]), top
