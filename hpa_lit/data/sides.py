"""On which side of a fold each row of a label table is."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpa_lit.data.label_table import LabelTable
from hpa_lit.data.record import SIDES
from hpa_lit.errors import InputError, listing
from hpa_lit.stages.folds import split, split_groups

Rows = npt.NDArray[np.intp]


def table_folds(table: LabelTable, n_folds: int, group: str | None = None) -> list[tuple[Rows, ...]]:
    """The rows of each side, for every fold that a table can be trained on.

    A column ``split`` (train, valid, test) or ``fold`` (0, 1, ...) is taken as it is; otherwise the rows are divided
    so that labels are spread evenly, and rows of one group stay together.

    Args:
        table: The labels.
        n_folds: How many folds to make where no column says so.
        group: The column whose values stay on one side.

    Returns:
        For each fold the rows to train on and to validate on, and with a column ``split`` those to test on.

    Raises:
        InputError: The columns contradict one another or hold other words; names the rows.
    """
    given = [name for name in ("split", "fold") if name in table.columns]
    if len(given) > 1:
        raise InputError("the label table has a column split and a column fold: remove one")
    if given and group is not None:
        raise InputError(
            f"the label table has a column {given[0]}, and data.group={group} asks for another: leave it out"
        )
    if given == ["split"]:
        return [_by_split(table)]
    if given == ["fold"]:
        return _by_fold(table)
    if group is not None:
        _refuse(table, group, [word != "" for word in table.columns[group]], "a name in every row")
        return list(split_groups(table.labels, table.columns[group], n_folds))
    return list(split(table.labels, n_folds))


def _by_split(table: LabelTable) -> tuple[Rows, ...]:
    words = table.columns["split"]
    _refuse(table, "split", [word in SIDES for word in words], "train, valid or test")
    sides = tuple(np.flatnonzero([word == side for word in words]) for side in SIDES)
    if empty := [side for side, rows in zip(SIDES[:2], sides, strict=False) if not len(rows)]:
        raise InputError(f"the column split of the label table has no {' and no '.join(empty)}: mark some rows so")
    return sides if len(sides[2]) else sides[:2]


def _by_fold(table: LabelTable) -> list[tuple[Rows, ...]]:
    words = table.columns["fold"]
    _refuse(table, "fold", [word.isascii() and word.isdigit() for word in words], "whole numbers from 0 on")
    folds = np.array([int(word) for word in words])
    if absent := sorted(set(range(max(2, int(folds.max()) + 1))) - set(folds.tolist())):
        raise InputError(f"the column fold of the label table has no {', '.join(map(str, absent))}: number from 0 on")
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(int(folds.max()) + 1)]


def _refuse(table: LabelTable, column: str, good: Sequence[bool], wanted: str) -> None:
    cells = zip(table.ids, table.columns[column], good, strict=True)
    if wrong := [f"{image_id}: {cell!r}" for image_id, cell, is_good in cells if not is_good]:
        raise InputError(f"the column {column} of the label table holds {wanted}; these rows differ:\n{listing(wrong)}")
