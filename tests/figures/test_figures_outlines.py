"""Outlines of cells: where they are, in which colours, and as paths."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from hpa_lit.figures.outlines import COLORS, GRID, NO_ANSWER, Drawn, answer_colors, draw_outlines, grid, traced
from hpa_lit.files import label_image, rgby


def mask(side=160):
    """Three cells that touch no other, the third in two pieces, and one of a pixel."""
    cells = np.zeros((side, 2 * side), np.uint16)
    cells[10:60, 10:90] = 1
    cv2.circle(cells, (220, 80), 60, 2, -1)
    cells[100:150, 20:50], cells[100:150, 70:120] = 3, 3
    cells[80, 100] = 7
    return cells


def filled(path, shape):
    """The pixels within a path of `traced`."""
    canvas = np.zeros(shape, np.uint8)
    for piece in re.findall(r"M([^MZ]*)Z", path):
        cv2.fillPoly(canvas, [np.array(piece.split(), np.int32).reshape(-1, 2)], 1)
    return canvas > 0


def test_paths_enclose_the_cells():
    cells = mask()
    shape = grid(cells)
    assert shape == (GRID // 2, GRID)
    outlines = traced(cells)
    assert set(outlines) >= {1, 2, 3}
    whole = cv2.resize(cells, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    for number in (1, 2, 3):
        inside, here = filled(outlines[number].path, shape), whole == number
        assert (inside & here).sum() / (inside | here).sum() > 0.97
    assert outlines[3].path.count("M") == 2
    column, row = outlines[1].at
    assert (column, row) == pytest.approx((49.5 * GRID / 320, 34.5 * GRID / 320), abs=1)
    assert outlines[2].path.count(" ") < 100  # two numbers a point; some 400 pixels are on its edge


def test_a_cell_that_is_lost_in_fewer_pixels_has_no_path():
    assert set(traced(np.kron(mask(), np.ones((8, 8), np.uint16)))) == {1, 2, 3, 7}
    large = np.zeros((2000, 2000), np.uint16)
    large[:1000], large[1500, 1500] = 1, 2
    assert set(traced(large)) == {1}


def test_the_commonest_answer_has_the_first_colour_in_all_fields():
    colors = answer_colors([["b", "a", "", "b"], ["b", "c"], [""]])
    assert colors == {"": NO_ANSWER, "b": COLORS[0], "a": COLORS[1], "c": COLORS[2]}
    assert answer_colors([]) == {"": NO_ANSWER}


def test_answers_of_one_field_have_different_colours_where_these_suffice():
    first, second = [f"x{n}" for n in range(5)], [f"y{n}" for n in range(5)]
    fields = [first * 2, second, [*first[:2], *second[:2]]]
    colors = answer_colors(fields)
    assert len(set(colors)) == 11 > len(COLORS)
    for field in fields:
        assert len({colors[answer] for answer in field}) == len(set(field))


def test_a_field_is_drawn_with_its_cells_in_colours_and_a_legend(tmp_path):
    image = np.zeros((160, 320, 4), np.uint8)
    image[:, :, 2] = 200
    rgby.write(tmp_path / "f.tif", image, "f")
    label_image.write(tmp_path / "mask.tif", mask())
    answers = {1: "Golgi", 2: "", 3: "Golgi"}
    field = Drawn({rgby.STACK: tmp_path / "f.tif"}, tmp_path / "mask.tif", tmp_path / "out" / "f.png", answers)
    draw_outlines([field], 8, workers=1)
    with Image.open(field.path) as drawn:
        pixels = np.asarray(drawn)
    assert pixels.shape == (160 + 2 * 16, 320, 3)
    assert pixels[10, 50].tolist() == pixels[125, 20].tolist() == list(COLORS[0])
    assert pixels[80, 160].tolist() == list(NO_ANSWER)
    assert pixels[80, 100].tolist() == [0, 0, 0]  # no answer is known of it
    assert pixels[15, 15].tolist() == pixels[5, 5].tolist() == [0, 0, 255]  # within a cell, and outside
    assert [pixels[160 + 16 * line + 8, 8].tolist() for line in range(2)] == [list(COLORS[0]), list(NO_ANSWER)]
