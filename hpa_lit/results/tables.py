"""The tables that answers are compared with and put into: label tables, Id lists, pairs of near-identical images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hpa_lit.errors import InputError, listing
from hpa_lit.files.csv_table import read_csv
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.results.arrays import Doubles, LabelMatrix


def read(path: Path, columns: Sequence[str], unique: str | None = None) -> pd.DataFrame:
    """Read some columns of a CSV or Parquet table, as text.

    Args:
        path: ``.parquet``, or anything else for CSV.
        columns: Columns that must be there.
        unique: A column whose values must all differ.

    Raises:
        InputError: The file or a column is absent, or a value that must be unique is repeated.
    """
    table = _read_parquet(path) if path.suffix == ".parquet" else read_csv(path)
    if lacking := [column for column in columns if column not in table]:
        raise InputError(f"{path} has no column {', '.join(lacking)}; it has {', '.join(map(str, table))}")
    if unique and (repeated := table.loc[table[unique].duplicated(), unique].unique().tolist()):
        raise InputError(f"{path}: {len(repeated)} values of {unique} are repeated:\n{listing(repeated)}")
    return table[list(columns)].astype(str)


def _read_parquet(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"there is no table {path}")
    try:
        return pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:  # a damaged file fails in any of these ways
        raise InputError(f"{path} is no Parquet table, or is damaged: {error}; make or fetch it again") from error


def targets(paths: Sequence[Path], ids: Sequence[str], num_labels: int) -> LabelMatrix:
    """The true labels of images, out of one or several tables ``Id,Target``.

    Args:
        paths: Label tables; an Id may stand in one of them only.
        ids: N Ids, in the order wanted.
        num_labels: Number of labels, K.

    Returns:
        0/1 array of shape (N, K).

    Raises:
        InputError: An Id is in none of the tables, or in two.
    """
    table = pd.concat([read(path, ["Id", "Target"], unique="Id") for path in paths]).set_index("Id").Target
    where = ", ".join(map(str, paths))
    if twice := table.index[table.index.duplicated()].tolist():
        raise InputError(f"{len(twice)} Ids are in two of {where}:\n{listing(twice)}")
    if absent := [i for i in ids if i not in table.index]:
        raise InputError(f"{len(absent)} Ids have no Target in {where}:\n{listing(absent)}")
    result = np.zeros((len(ids), num_labels), np.uint8)
    check_labels(where, dict(zip(ids, table.loc[list(ids)], strict=True)), num_labels)
    for row, target in enumerate(table.loc[list(ids)]):
        result[row] = encode(target, num_labels)
    return result


def check_labels(where: object, answers: Mapping[str, str], num_labels: int) -> None:
    """Raise `InputError`, which names the culprits, unless these are label strings, by Id."""
    wrong = []
    for image_id, answer in answers.items():
        try:
            encode(answer, num_labels)
        except InputError as error:
            wrong.append(f"Id {image_id}: {error}")
    if wrong:
        raise InputError(f"{where}: {len(wrong)} rows cannot be used; correct them:\n{listing(wrong)}")


def frequencies(path: Path, num_labels: int) -> Doubles:
    """The share of images with each label in a table ``Id,Target``, shape (num_labels,)."""
    if not (rows := ids(path)):
        raise InputError(f"{path} has no rows to count labels in")
    return np.asarray(targets([path], rows, num_labels).mean(axis=0))


def by_label(path: Path, column: str, names: Sequence[str], least: float = -np.inf, most: float = np.inf) -> Doubles:
    """One number for each label out of a table ``label,<column>``, in the order of `names`, shape (K,)."""
    values = read(path, ["label", column], unique="label").set_index("label")[column]
    if (absent := [n for n in names if n not in values.index]) or len(values) != len(names):
        others = [f"{name} is no label here" for name in values.index if name not in names]
        raise InputError(
            f"{path} must name each of the {len(names)} labels:\n{listing([f'{n} is absent' for n in absent] + others)}"
        )
    try:
        numbers = values.loc[list(names)].to_numpy(np.float64)
    except ValueError as error:
        raise InputError(f"{path}: {column}: {error}") from error
    if wrong := [
        f"{column} of {name} is {number:g}"
        for name, number in zip(names, numbers, strict=True)
        if not least <= number <= most
    ]:
        raise InputError(f"{path} must hold numbers from {least:g} to {most:g}:\n{listing(wrong)}")
    return numbers


def ids(path: Path) -> list[str]:
    """The Ids of a table, in its order, each once."""
    return read(path, ["Id"], unique="Id").Id.tolist()


def answers(path: Path, num_labels: int = len(LABEL_NAMES)) -> dict[str, str]:
    """The label strings of a table ``Id,Target``, by Id."""
    table = read(path, ["Id", "Target"], unique="Id")
    found = dict(zip(table.Id, table.Target, strict=True))
    check_labels(path, found, num_labels)
    return found


def pairs(path: Path) -> list[tuple[str, str]]:
    """The pairs of near-identical test images, out of a table ``Test1,Test2,...``, in its order."""
    table = read(path, ["Test1", "Test2"])
    return list(zip(table.Test1, table.Test2, strict=True))
