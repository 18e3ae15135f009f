"""Prediction files as later steps need them: the same images, none of them failed, one view."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError, listing
from hpa_lit.files.prediction_file import Predictions, read


def good_rows(group: Mapping[str, Predictions], on_failed: str) -> list[int]:
    """Rows of the images that failed in none of the files.

    Args:
        group: Predictions of the same images, by the name that messages give them.
        on_failed: "error" refuses images that failed, "drop" leaves them out.
    """
    if on_failed not in ("error", "drop"):
        raise InputError(f"on_failed={on_failed}: choose error or drop")
    (name, first), *others = group.items()
    for other, file in others:
        if differing := sorted(set(first.ids) ^ set(file.ids)):
            where = [f"{i} is only in {name if i in set(first.ids) else other}" for i in differing]
            raise InputError(f"{name} and {other} differ in {len(differing)} Ids:\n{listing(where)}")
    failed = {i: f"{i}: {reason} ({name})" for name, file in group.items() for i, reason in file.failures.items()}
    if failed and on_failed == "error":
        raise InputError(
            f"{len(failed)} images failed; predict them again, or leave them out with on_failed=drop:\n"
            f"{listing(list(failed.values()))}"
        )
    return [row for row, i in enumerate(first.ids) if i not in failed]


def read_single(path: Path, on_failed: str) -> Predictions:
    """Read a prediction file of one view, and refuse or leave out the images that failed.

    Args:
        path: The prediction file.
        on_failed: "error" or "drop".
    """
    predictions = _read_one_view(path)
    if not predictions.labels:
        raise InputError(f"{path} holds no probabilities, but features of an embedder: give what hpa-lit predict wrote")
    return predictions.take(good_rows({str(path): predictions}, on_failed))


def read_features(
    path: Path, on_failed: str, wanted: Sequence[str] | None = None, table: Path | None = None
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Read the features of images.

    Args:
        path: A prediction file of one view, with features.
        on_failed: "error" or "drop".
        wanted: The Ids to take, in this order; all when None.
        table: The table that names them, for the message where some are absent.

    Returns:
        Ids, and features of shape (N, D).
    """
    file = _read_one_view(path)
    if file.features is None:
        raise InputError(f"{path} holds no features: make it with hpa-lit embed, or hpa-lit predict features=true")
    failed = file.failures
    row = {file.ids[number]: number for number in good_rows({str(path): file}, on_failed)}
    ids = [i for i in file.ids if i in row] if wanted is None else [i for i in wanted if i not in failed]
    if absent := [i for i in ids if i not in row]:
        of_table = f" of {table}: embed them too, or give a table of the images that it holds" if table else ""
        raise InputError(f"{path} lacks {len(absent)} images{of_table}:\n{listing(absent)}")
    return ids, file.features[[row[i] for i in ids], 0]


def _read_one_view(path: Path) -> Predictions:
    predictions = read(path)
    if len(predictions.views) != 1:
        raise InputError(
            f"{path} has {len(predictions.views)} views of each image: combine them first (hpa-lit combine)"
        )
    return predictions
