"""Tables that people and other programs write: CSV, read as text."""

import io
from collections import Counter
from pathlib import Path

import pandas as pd

from hpa_lit.errors import InputError

_OTHER_MARKS = {";": "semicolons", "\t": "tabs"}


def read_csv(path: Path) -> pd.DataFrame:
    """Read all columns of a CSV as text, without the blanks around names of columns; an absent cell is empty.

    Raises:
        InputError: There is no such file, or it is no CSV in UTF-8 whose columns have names of their own.
    """
    if not path.is_file():
        raise InputError(f"there is no table {path}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: save it as CSV (UTF-8), not as a workbook") from error
    if "\0" in text:
        raise InputError(f"{path} is no CSV: it holds NUL bytes, which no text has; save it as CSV (UTF-8)")
    try:
        # The first row as one of them: as a header, repeated names would be changed, and cells without one would shift
        # all others.
        rows = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, header=None)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path} is no CSV: it is empty") from error
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{path} is no CSV: {reason}; quote cells that hold commas") from error
    rows = rows.fillna("")
    names = [name.strip() for name in rows.iloc[0]]
    if len(names) == 1 and (found := [mark for mark in _OTHER_MARKS if mark in names[0]]):
        raise InputError(f"{path} has {_OTHER_MARKS[found[0]]} between its columns: save it with commas")
    if twice := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise InputError(f"{path} has several columns {', '.join(twice)}: leave one of each, or rename them")
    table = rows.iloc[1:].reset_index(drop=True)
    table.columns = pd.Index(names)
    return table
