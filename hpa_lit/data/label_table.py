"""Anyone's label table: one CSV, any list of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.csv_table import read_csv
from hpa_lit.files.names import fault, field_of
from hpa_lit.labels import LABEL_NAMES, check_names

SIDE_COLUMNS = ("fold", "split")


@dataclass(frozen=True)
class LabelTable:
    """Images and their labels.

    Args:
        ids: N Ids, each once.
        labels: Shape (N, K), 0 or 1.
        names: The K label names.
        columns: Cells of the columns that say on which side an image is, by name: fold, split, and the group's.
    """

    ids: list[str]
    labels: npt.NDArray[np.uint8]
    names: list[str]
    columns: Mapping[str, list[str]] = field(default_factory=dict)


def read_label_table(path: Path, label_list: Sequence[str | int] | None = None, group: str | None = None) -> LabelTable:
    """Read a CSV with a column ``Id`` and the labels of each image.

    The labels stand in a column ``Target``, as indices separated by spaces or as names separated by ``|``; or there is
    a column of 0 and 1 for each label.

    Args:
        path: The CSV.
        label_list: The labels to learn. Names: an index in ``Target`` is a place in this list. Numbers: they are of the
            atlas's 28 locations, and so is an index in ``Target``; a column of 0 and 1 has the name or the number of
            its location. None: the columns of 0 and 1, else the 28 locations where a label is one of them, else the
            distinct names, sorted.
        group: Name of a column that is no label; neither are ``fold`` and ``split``.

    Raises:
        InputError: It is no such CSV, or has no rows, or a label is named as another column of our tables; or names
            every row whose Id is repeated or cannot be a file's name, or whose Target is empty or not in the list.
    """
    table = read_csv(path)
    if "Id" not in table:
        raise InputError(
            f"{path} has no column Id; its columns are {', '.join(table.columns)}: name the column of image names Id, "
            "and that of the labels Target"
        )
    if table.empty:
        raise InputError(f"{path} has no rows: write one for each image")
    if group in ("Id", "Target"):
        raise InputError(f"data.group={group}: these are the images, or their labels; name the column of their groups")
    if group is not None and group not in table:
        raise InputError(f"data.group={group}: {path} has no such column; it has {', '.join(table.columns)}")
    beside = [name for name in (*SIDE_COLUMNS, group) if name is not None and name in table]
    columns = {name: table[name].str.strip().tolist() for name in beside}
    table = table.drop(columns=beside)
    ids = table["Id"].str.strip()
    problems = [
        f"row {row + 2}: Id {ids[row]!r} stands in the table before" for row in np.flatnonzero(ids.duplicated())
    ]
    problems += [
        f"row {row}: Id {image_id!r} {why}, and Ids are names of files"
        for row, image_id in enumerate(ids, 2)
        if (why := fault(field_of(image_id)))
    ]
    if "Target" in table:
        names, places = _label_names(path, table["Target"], label_list)
        labels, unknown = _encode(ids, table["Target"], len(names), places)
    else:
        names, labels, unknown = _from_columns(path, table, label_list)
    if problems := problems + unknown:
        raise InputError(
            f"{path} cannot be used; correct or remove these rows, or list your labels in data.label_list:\n"
            f"{listing(problems)}"
        )
    return LabelTable(ids.tolist(), labels, names, columns)


def _label_names(
    path: Path, targets: "pd.Series[str]", label_list: Sequence[str | int] | None
) -> tuple[list[str], dict[str, int]]:
    """The label names, and the place of each word that a Target may hold."""
    locations = _locations(label_list)
    if label_list is None:
        found = {name.strip() for target in targets for name in target.split("|")} - {""}
        # One location of the atlas among them makes the rest mistakes, not labels of one's own.
        atlas = any(word in LABEL_NAMES or all(map(str.isdigit, word.split())) for word in found)
        names = list(LABEL_NAMES) if atlas else sorted(found)
    else:
        names = [locations.get(str(label), str(label)) for label in label_list]
    words = list(locations) or [str(place) for place in range(len(names))]
    check_names(names, path if label_list is None else "data.label_list")
    return names, {word: place for words_ in (words, names) for place, word in enumerate(words_)}


def _locations(label_list: Sequence[str | int] | None) -> dict[str, str]:
    """The names of the locations that are listed by their numbers; none where labels are listed by names."""
    if label_list is None or not all(isinstance(label, int) for label in label_list):
        return {}
    if wrong := [str(label) for label in label_list if not 0 <= int(label) < len(LABEL_NAMES)]:
        raise InputError(f"data.label_list: {', '.join(wrong)} is no location; they go from 0 to 27")
    return {str(label): LABEL_NAMES[int(label)] for label in label_list}


def _encode(
    ids: "pd.Series[str]", targets: "pd.Series[str]", num_labels: int, places: dict[str, int]
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    labels = np.zeros((len(targets), num_labels), np.uint8)
    problems = []
    for row, (image_id, target) in enumerate(zip(ids, targets, strict=True)):
        # A name may hold spaces ("Nuclear membrane"), a list of indices is split by them.
        whole = [part.strip() for part in target.split("|") if part.strip()]
        words = [word for part in whole for word in ([part] if part in places else part.split())]
        if not words:
            problems.append(f"row {row + 2}: Id {image_id!r} has an empty Target")
        for word in words:
            if word in places:
                labels[row, places[word]] = 1
            else:
                problems.append(
                    f"row {row + 2}: Id {image_id!r} has the label {word!r}, which is not in the label list"
                )
    return labels, problems


def _from_columns(
    path: Path, table: pd.DataFrame, label_list: Sequence[str | int] | None
) -> tuple[list[str], npt.NDArray[np.uint8], list[str]]:
    columns = [column for column in table.columns if column != "Id"]
    locations = _locations(label_list)
    names = columns if label_list is None else [locations.get(str(label), str(label)) for label in label_list]
    if twice := [f"{number} and {name}" for number, name in locations.items() if {number, name} <= set(columns)]:
        raise InputError(f"{path} has two columns of one label: leave one of {', one of '.join(twice)}")
    table = table.rename(columns=locations)
    missing = [name for name in names if name not in table]
    if missing or not names:
        raise InputError(
            f"{path} has neither a column Target nor columns of 0 and 1 for {', '.join(missing) or 'any label'}; "
            f"its columns are {', '.join(['Id', *columns])}"
        )
    check_names(names, path if label_list is None else "data.label_list")
    cells = table[names].apply(lambda column: column.str.strip())
    problems = [
        f"row {row + 2}: Id {table['Id'][row]!r} has {cells.iat[row, column]!r} under {names[column]!r}, not 0 or 1"
        for row, column in np.argwhere(~cells.isin(["0", "1"]).to_numpy())
    ]
    return names, (cells == "1").to_numpy(np.uint8), problems
