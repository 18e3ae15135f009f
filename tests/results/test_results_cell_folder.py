"""What is read of a folder of hpa-lit cells, and which folders are none."""

import json

import numpy as np
import pandas as pd
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files import prediction_csv
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.results import cell_folder
from hpa_lit.results.cell_scores import CellScores

LABELS = ("x", "x, y", "z")


def write(path, ids, given, beside):
    shape = (len(ids), 1, len(LABELS))
    predictions = Predictions(
        tuple(ids), ("ok",) * len(ids), ("all",), LABELS, np.zeros(shape, np.float32), "run", None, "mine", "best"
    )
    probabilities = np.linspace(0.9, 0.1, len(ids) * len(LABELS)).reshape(len(ids), -1)
    prediction_csv.write(path, predictions, probabilities[:, ::-1], np.array(given) > 0, beside)


@pytest.fixture
def tree(tmp_path):
    """A folder of three fields, of which the last has no cells."""
    tree = CellTree(tmp_path)
    beside = {
        "cell_count": [2, 10, 0],
        "cell_shares": ["x 0.50", "x 0.25, z 1.00", ""],
        "cell_entropy": [0.5, 1, np.nan],
        "cells_differ": [False, True, False],
        "remark": ["", "", "there is no mask of this Id"],
    }
    write(tree.table("fields"), ["f", "g", "h"], [[1, 0, 0], [1, 0, 1], [0, 0, 0]], beside)
    ids = ["f/1", "f/2", "g/1", "g/10", "g/2"]
    remarks = ["", "border", "", "", "tiny"]
    write(tree.table("cells"), ids, [[1, 0, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1]], {"remark": remarks})
    return tree


def test_fields_that_differ_most_are_first_and_cells_in_the_order_of_their_numbers(tree):
    found = cell_folder.read(tree.folder)
    assert found.fields["Id"].tolist() == ["g", "f", "h"]
    assert found.fields["cell_count"].tolist() == [10, 2, 0]
    np.testing.assert_array_equal(found.fields["cell_entropy"], [1, 0.5, np.nan])
    assert found.fields["cells_differ"].tolist() == [True, False, False]
    assert found.fields["remark"].tolist() == ["", "", "there is no mask of this Id"]
    assert found.cells.to_numpy().tolist() == [
        ["f", 1, "x", ""],
        ["f", 2, "", "border"],
        ["g", 1, "x, z", ""],  # in the order of the labels, not in that of the probabilities
        ["g", 2, "x, y, z", "tiny"],
        ["g", 10, "x, y", ""],
    ]
    assert found.scores is None
    assert found.varied(6) == ["g", "f"]
    assert found.varied(1) == ["g"]


def test_scores_are_as_they_were_written(tree):
    labels = pd.DataFrame({"label": LABELS, "average_precision": [0.5, np.nan, 1], "cells": [4, 0, 2]})
    scores = CellScores(2, 6, 5, 0.75, 0.375, 0.1, labels)
    tree.scores.write_text(json.dumps(scores.to_dict()))
    read = cell_folder.read(tree.folder).scores
    assert str(read) == str(scores)
    pd.testing.assert_frame_equal(read.labels, labels)
    tree.scores.write_text('{"fields": 2}')
    with pytest.raises(InputError, match=r"scores.json holds no scores of cells"):
        cell_folder.read(tree.folder)


def test_some_fields_are_taken_and_others_named(tree, tmp_path):
    found = cell_folder.read(tree.folder)
    assert found.of(["h", "f"], tmp_path).fields["Id"].tolist() == ["f", "h"]
    with pytest.raises(
        InputError, match=r"no cells of 2 images of predictions=p.csv: .*, or predictions=.*fields.csv\n"
    ):
        found.of(["f", "i", "f/1"], "p.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.table("cells").unlink(), r"has no cells.csv: give the folder that hpa-lit cells made"),
        (lambda tree: [tree.table(name).unlink() for name in ("cells", "fields")], "no fields.csv and no cells.csv: "),
        (  # as hidden/ of a drawn atlas has it
            lambda tree: tree.table("cells").write_text("Id,cell,Target\na,1,0\n"),
            r"cells.csv has no column locations, remark: give the folder that hpa-lit cells made",
        ),
        (
            lambda tree: tree.table("cells").write_text("Id,locations,remark,x\na,x,,0.5\n"),
            r"cells.csv has 1 Ids that are none of cells: give the folder that hpa-lit cells made.*\n  a",
        ),
        (
            lambda tree: tree.table("fields").write_text(tree.table("fields").read_text().replace(",10,", ",ten,")),
            r"fields.csv is no table of fields: ValueError: .*'ten'",
        ),
    ],
)
def test_a_folder_that_hpa_lit_cells_did_not_make_is_refused(tree, change, message):
    change(tree)
    with pytest.raises(InputError, match=message):
        cell_folder.read(tree.folder)
