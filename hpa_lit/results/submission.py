"""A submission: one label string for each test image. method 10."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit import labels
from hpa_lit.errors import InputError, listing
from hpa_lit.files.writing import replacing
from hpa_lit.results.answers import in_words
from hpa_lit.results.arrays import LabelMatrix
from hpa_lit.results.tables import check_labels, read
from hpa_lit.results.thresholds import assign


def to_strings(probs: npt.ArrayLike, thresholds: npt.ArrayLike, always_top: bool = True) -> list[str]:
    """Label strings, such as ``"0 14"``, of the labels above their thresholds.

    Args:
        probs: Shape (N, K).
        thresholds: Shape (K,).
        always_top: Give the most probable label in any case; without it an answer may be empty.

    Returns:
        N strings, indices ascending.
    """
    return [labels.decode(row) for row in assign(probs, thresholds, always_top)]


def to_rows(predicted: Sequence[str], num_labels: int) -> LabelMatrix:
    """The inverse of `to_strings`: 0/1 rows of shape (N, num_labels); an empty answer gives a row of zeros."""
    result = np.zeros((len(predicted), num_labels), np.uint8)
    for row, answer in enumerate(predicted):
        if answer:
            result[row] = labels.encode(answer, num_labels)
    return result


def in_order(ids: Sequence[str], predicted: Sequence[str], wanted: Sequence[str]) -> pd.DataFrame:
    """The submission ``Id,Predicted`` with its rows in the order of the sample submission.

    Raises:
        InputError: The Ids are not exactly the wanted ones; the message names them.
    """
    answers = pd.Series(predicted, index=list(ids), dtype=object)
    odd = [f"{i} was not predicted" for i in wanted if i not in answers.index]
    odd += [f"{i} is not in the sample submission" for i in sorted(set(ids) - set(wanted))]
    if odd:
        raise InputError(f"the submission's Ids differ from the sample's in {len(odd)} places:\n{listing(odd)}")
    return pd.DataFrame({"Id": list(wanted), "Predicted": answers.loc[list(wanted)].to_numpy()})


def with_answers(submission: pd.DataFrame, answers: dict[str, str], num_labels: int) -> pd.DataFrame:
    """The submission with the answers of some images replaced, as the leak list and neighbours do.

    Args:
        submission: Id, Predicted.
        answers: New label strings by Id.
        num_labels: Number of labels.

    Returns:
        The same rows; the indices of every answer ascending and each once.

    Raises:
        InputError: An answer is for an Id that the submission lacks.
    """
    if unknown := sorted(answers.keys() - set(submission.Id)):
        raise InputError(f"{len(unknown)} Ids to replace are not in the submission:\n{listing(unknown)}")
    merged = [answers.get(i, old) for i, old in zip(submission.Id, submission.Predicted, strict=True)]
    return submission.assign(Predicted=[labels.decode(row) for row in to_rows(merged, num_labels)])


def changes(before: pd.DataFrame, after: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Which labels grew and shrank between two submissions of the same rows.

    Returns:
        A row for each label: label, before, after (images that have it), increase, decrease (images that gained and
        lost it).
    """
    old, new = (to_rows(table.Predicted.tolist(), len(names)).astype(bool) for table in (before, after))
    counts = {"before": old, "after": new, "increase": new & ~old, "decrease": old & ~new}
    return pd.DataFrame({"label": names} | {name: rows.sum(axis=0) for name, rows in counts.items()})


def wide(submission: pd.DataFrame, names: Sequence[str], probs: npt.ArrayLike) -> pd.DataFrame:
    """The submission in words: Id, locations, a 0/1 column for each label, and its probability.

    Args:
        submission: Id, Predicted.
        names: K label names.
        probs: Shape (N, K), rows as in the submission.
    """
    rows = to_rows(submission.Predicted.tolist(), len(names))
    given = pd.DataFrame(rows, columns=list(names))
    likely = pd.DataFrame(np.asarray(probs, np.float32), columns=[f"{name} probability" for name in names])
    head = pd.DataFrame({"Id": submission.Id.to_numpy(), "locations": in_words(rows, names)})
    return pd.concat([head, given, likely], axis=1)


def read_submission(path: Path, num_labels: int = len(labels.LABEL_NAMES)) -> pd.DataFrame:
    """Read a submission, ``Id,Predicted``; an empty answer is an empty string."""
    table = read(path, ["Id", "Predicted"], unique="Id")
    check_labels(path, {i: answer for i, answer in zip(table.Id, table.Predicted, strict=True) if answer}, num_labels)
    return table


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet or CSV, by the path's suffix."""
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False)
