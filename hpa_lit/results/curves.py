"""What is drawn as curves and matrices: precision against recall, labels that go together, training, steps."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve

from hpa_lit.errors import InputError
from hpa_lit.files.csv_table import read_csv
from hpa_lit.results.arrays import probabilities, targets

# The last row and column of `confusion`.
NOTHING_MISSED, NOTHING_FALSE = "nothing missed", "nothing false"


def precision_recall(target: npt.ArrayLike, probs: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """Precision and recall at every threshold that changes recall.

    Args:
        target: 0/1, shape (N, K).
        probs: Shape (N, K).
        names: K label names.

    Returns:
        Rows label, threshold, precision, recall, thresholds rising from the highest that finds every image with the
        label; the last of each label has no threshold, recall 0 and precision 1. A label that no image has, has no
        rows.
    """
    values = probabilities("probabilities", probs)
    truth = targets("targets", target, values.shape)
    tables = []
    for label in np.flatnonzero(truth.any(axis=0)).tolist():
        precision, recall, thresholds = precision_recall_curve(
            truth[:, label], values[:, label], drop_intermediate=True
        )
        curve = {"threshold": np.append(thresholds, np.nan), "precision": precision, "recall": recall}
        table = pd.DataFrame({"label": names[label], **curve})
        tables.append(table[(recall == 1).sum() - 1 :])
    return pd.concat(tables) if tables else pd.DataFrame(columns=["label", "threshold", "precision", "recall"])


def cooccurrence(first: npt.ArrayLike, second: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """How many images have one label in `first` and another in `second`.

    Args:
        first: 0/1, shape (N, K).
        second: 0/1, shape (N, K).
        names: K label names.

    Returns:
        Counts, a row for each label of `first`, a column for each of `second`.
    """
    rows = np.asarray(first)
    counts = targets("labels", rows, rows.shape).astype(np.int64).T @ targets("labels", second, rows.shape)
    return pd.DataFrame(counts, index=list(names), columns=list(names))


def confusion(target: npt.ArrayLike, predicted: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """What images were given in place of a label that they have, where an image may have several labels.

    Args:
        target: 0/1, shape (N, K).
        predicted: 0/1, shape (N, K).
        names: K label names.

    Returns:
        Counts of images. Row A, column B: has A, was not given it, and was given B, which it does not have. On the
        diagonal: has A and was given it. The last column: has A, was not given it, nor anything false. The last row:
        lacks no label, and was given B, which it does not have; its last cell: right in every label.
    """
    rows = np.asarray(target)
    truth = targets("targets", rows, rows.shape)
    given = targets("predicted labels", predicted, rows.shape)
    missed, false = (_with_none(wrong) for wrong in (truth > given, given > truth))
    counts = missed.T @ false
    right = np.arange(len(names))
    counts[right, right] = (truth & given).sum(axis=0)
    return pd.DataFrame(counts, index=[*names, NOTHING_MISSED], columns=[*names, NOTHING_FALSE])


def _with_none(wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Cells (N, K), and a last column for the images without any."""
    return np.column_stack([wrong, ~wrong.any(axis=1)]).astype(np.int64)


def training(paths: Sequence[Path]) -> pd.DataFrame:
    """The metrics of one training run by epoch.

    Args:
        paths: CSV logs of each start of the run, the first start first; an epoch that was computed again counts as it
            was the last time.

    Returns:
        A row for each epoch, the columns as they were logged.

    Raises:
        InputError: There is no log, or it holds no epoch.
    """
    if not paths or not all(path.is_file() for path in paths):
        raise InputError(f"there is no log of a training run: {', '.join(map(str, paths)) or 'the run has none'}")
    table = pd.concat([_numbers(path) for path in paths])
    if "epoch" not in table or table["epoch"].isna().all():
        raise InputError(f"{paths[-1]} holds no epoch that has ended")
    # An epoch has a row for training and one for validation; `last` takes what each of them holds.
    return table.drop(columns="step", errors="ignore").groupby("epoch").last().reset_index().astype({"epoch": int})


def _numbers(path: Path) -> pd.DataFrame:
    """A CSV log, all of whose cells are numbers or empty."""
    try:
        return read_csv(path).replace("", "nan").astype(np.float64)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no log of a training run: {error}; leave it out") from error


def steps(paths: Mapping[str, Path]) -> pd.DataFrame:
    """The score after each step, and what the step gained.

    Args:
        paths: ``scores.json`` of submit, by the name of the step, in order.

    Returns:
        A row for each step: step, images, macro_f1, low, high (its 95 % interval), gain (NaN for the first).

    Raises:
        InputError: A file is absent, or holds no scores.
    """
    rows = []
    for step, path in paths.items():
        try:
            scores = json.loads(path.read_text())["scores"]
            low, high = scores["macro_f1_interval"]
            found = {"images": scores["images"], "macro_f1": scores["macro_f1"], "low": low, "high": high}
        except (OSError, ValueError, KeyError, TypeError) as error:  # ValueError: it is no JSON, or no UTF-8
            raise InputError(f"step {step!r} has no scores in {path}: make it with truth=TABLE") from error
        rows.append({"step": step, **found})
    table = pd.DataFrame(rows)
    return table.assign(gain=table["macro_f1"].diff())
