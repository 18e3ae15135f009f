"""The tables that stages read and write."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hpa_lit.errors import InputError
from hpa_lit.files import csv_table
from hpa_lit.files.writing import remove_stale, replacing


def read(path: Path, stage: str) -> pd.DataFrame:
    """Read a Parquet table that another stage writes.

    Raises:
        InputError: The table does not exist; the message names the stage that makes it.
    """
    if not path.is_file():
        raise InputError(f"there is no {path}: run stage={stage} first")
    return pd.read_parquet(path)


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a Parquet table, the same bytes for the same rows."""
    remove_stale(path.parent, path.name)
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file."""
    remove_stale(path.parent, path.name)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read columns of a raw CSV table as text, empty cells as empty strings.

    Raises:
        InputError: The file or a column is missing, or the file is no CSV.
    """
    if not path.is_file():
        raise InputError(f"there is no {path}: put the downloaded table there")
    table = csv_table.read_csv(path)
    if missing := [column for column in columns if column not in table]:
        raise InputError(f"{path} has no column {' and no '.join(missing)}; it has {', '.join(table.columns)}")
    return table[list(columns)]


def counted(table: pd.DataFrame) -> str:
    """A line that says how many rows of an image table are whose."""
    external = int(table["External"].sum())
    return f"{len(table)} rows, {external} of them external"
