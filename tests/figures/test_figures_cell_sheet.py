"""The contact sheet of cells: a row a location, and the order in each."""

import numpy as np
import pytest

from hpa_lit.figures.cell_sheet import SHOWN, SIDE, cell_sheet
from hpa_lit.files import rgby
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.results.answers import Answers


def cells(tree, probs, given, side=32):
    """Cells whose pictures are of one colour each, so that they are told apart; gives these too."""
    ids = tuple(f"field/{number}" for number in range(1, len(probs) + 1))
    colors = [(255, 3 * number, 30 - 3 * number) for number in range(len(ids))]
    for image_id, color in zip(ids, colors, strict=True):
        rgby.write(tree.image(image_id), np.full((side, side, 4), (*color, 0), np.uint8), image_id)
    given = np.asarray(given, np.uint8)
    return Answers(ids=ids, names=("rare", "none", "common"), probs=probs, given=given, thresholds=None), colors


def seen(sheet, row, column):
    """The colour in the middle of a picture."""
    width, height = SIDE + 8, SIDE + 8 + 2 * 13
    left = 8 + column * width + (8 if column else 0)
    return sheet[8 + row * height + SIDE // 2, left + SIDE // 2]


@pytest.mark.parametrize("side", [32, 300])
def test_the_most_frequent_location_is_first_and_its_most_probable_cells(tmp_path, side):
    tree = CellTree(tmp_path)
    probs = np.array([[0.9, 0.99, 0.1], [0.2, 0, 0.4], [0.8, 0, 0.9], [0.1, 0, 0.6]])
    answers, colors = cells(tree, probs, [[1, 0, 0], [0, 0, 1], [1, 0, 1], [0, 0, 1]], side)
    sheet = cell_sheet(answers, tree)
    assert sheet.shape == (2 * (SIDE + 34) + 8, 3 * (SIDE + 8) + 16, 3)
    expected = {(0, 0): 2, (0, 1): 3, (0, 2): 1, (1, 0): 0, (1, 1): 2}
    for (row, column), cell in expected.items():
        red, green, blue = colors[cell]
        assert seen(sheet, row, column).tolist() == [red, 8 * green, 8 * blue]  # at most eightfold
    assert (seen(sheet, 1, 2) == 255).all()  # paper


def test_a_row_ends_after_the_most_probable(tmp_path):
    probs = np.zeros((SHOWN + 2, 3))
    probs[:, 0] = np.linspace(0.1, 0.9, len(probs))
    answers, _ = cells(CellTree(tmp_path), probs, np.tile([1, 0, 0], (len(probs), 1)))
    assert cell_sheet(answers, CellTree(tmp_path)).shape[1] == SHOWN * (SIDE + 8) + 16


def test_there_is_none_where_no_cell_has_a_location(tmp_path):
    answers, _ = cells(CellTree(tmp_path), np.ones((1, 3)), [[0, 0, 0]])
    assert cell_sheet(answers, CellTree(tmp_path)) is None
