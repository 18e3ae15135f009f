"""On which side a row is: by a column of the table, by its group, or by the draw."""

import numpy as np
import pytest

from hpa_lit.data.label_table import read_label_table
from hpa_lit.data.sides import table_folds
from hpa_lit.errors import InputError
from hpa_lit.stages.folds import split


def table(tmp_path, column, cells, group=None):
    path = tmp_path / "labels.csv"
    rows = [f"i{row},{row % 3},{cell}" for row, cell in enumerate(cells)]
    path.write_text("\n".join([f"Id,Target,{column}", *rows]) + "\n")
    return read_label_table(path, group=group)


def as_lists(folds):
    return [tuple(side.tolist() for side in sides) for sides in folds]


def test_a_split_is_taken_as_it_is(tmp_path):
    words = ["valid", "train", "test", "train ", "valid", "train"]
    assert as_lists(table_folds(table(tmp_path, "split", words), 5)) == [([1, 3, 5], [0, 4], [2])]
    assert as_lists(table_folds(table(tmp_path, "split", words[:2]), 5)) == [([1], [0])]


def test_folds_are_taken_as_they_are(tmp_path):
    folds = table_folds(table(tmp_path, "fold", [2, 0, 1, 1, 0]), 5)
    assert as_lists(folds) == [([0, 2, 3], [1, 4]), ([0, 1, 4], [2, 3]), ([1, 2, 3, 4], [0])]


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        (
            "split",
            ["train", "Valid", "valid", "tset"],
            r"(?s)holds train, valid or test; .* i1: 'Valid'\n  i3: 'tset'$",
        ),
        ("split", ["train", ""], r"i1: ''"),
        ("split", ["train", "test"], "column split of the label table has no valid: mark some rows so"),
        ("split", ["test", "test"], "has no train and no valid"),
        ("fold", [0, "1.0", -1, "one", "²"], r"(?s)whole numbers from 0 on.* i1: '1\.0'\n  i2: '-1'\n.*i3: .*i4: '²'$"),
        ("fold", [0, 2, 3], "column fold of the label table has no 1: number from 0 on"),
        ("fold", [1, 2], "has no 0"),
        ("fold", [0, 0], "has no 1"),
    ],
)
def test_wrong_cells_are_named(tmp_path, column, cells, message):
    with pytest.raises(InputError, match=message):
        table_folds(table(tmp_path, column, cells), 5)


def test_columns_that_contradict_one_another_are_refused(tmp_path):
    both = table(tmp_path, "fold,split", ["0,train", "1,valid"])
    with pytest.raises(InputError, match="a column split and a column fold: remove one"):
        table_folds(both, 5)
    grouped = table(tmp_path, "fold,well", ["0,A1", "1,A2"], group="well")
    with pytest.raises(InputError, match=r"has a column fold, and data\.group=well asks for another"):
        table_folds(grouped, 5, "well")


def test_a_group_stays_on_one_side(tmp_path):
    wells = [f"W{row // 4}" for row in range(48)]
    folds = table_folds(table(tmp_path, "well", wells, group="well"), 3, "well")
    assert sorted(row for _, valid in folds for row in valid) == list(range(48))
    for train, valid in folds:
        assert sorted([*train, *valid]) == list(range(48))
        assert not {wells[row] for row in train} & {wells[row] for row in valid}
        assert len(valid) == 16


def test_an_image_without_a_group_is_named(tmp_path):
    wells = table(tmp_path, "well", ["A1", "", "A2", " "], group="well")
    with pytest.raises(InputError, match=r"(?s)column well .* a name in every row; .*\n  i1: ''\n  i3: ''$"):
        table_folds(wells, 2, "well")


def test_otherwise_labels_are_spread_evenly(tmp_path):
    drawn = table(tmp_path, "well", range(30), group="well")
    folds = table_folds(drawn, 5)
    assert as_lists(folds) == as_lists(split(drawn.labels, 5))
    for _, valid in folds:
        np.testing.assert_array_equal(drawn.labels[valid].sum(0)[:3], [2, 2, 2])
