"""Contact sheets: every picture in its place, in its colors."""

import numpy as np
import pytest

from hpa_lit.figures.contact_sheet import Tile, composite, contact_sheet

RED, GREEN, BLUE = (255, 0, 0, 9), (0, 255, 0, 9), (0, 0, 255, 9)


def plain(color, size=64):
    return np.full((size, size, 4), color, np.uint8)


def test_queries_stand_left_and_neighbours_right():
    rows = [
        (Tile(plain(RED), ["query"]), [Tile(plain(GREEN), ["one"]), Tile(plain(BLUE), ["two", "0.91"], marked=True)]),
        (Tile(plain(GREEN), ["query"]), [Tile(plain(RED), ["one"])]),
    ]
    sheet = contact_sheet(rows, side=64)
    where = {}
    for color in (RED, GREEN, BLUE):
        y, x = np.nonzero((sheet == color[:3]).all(axis=2))
        where[color] = list(zip(y, x, strict=True))
        assert len(y) == 64 * 64 * (1 if color == BLUE else 2)
    assert min(x for y, x in where[RED] if y < 72) == min(x for y, x in where[GREEN] if y > 80)  # the queries
    assert min(x for _, x in where[BLUE]) > max(x for y, x in where[GREEN] if y < 72)
    assert (sheet[72:98] < 100).all(axis=2).any()  # there is ink below the first row


def test_larger_pictures_are_made_smaller_and_long_captions_cut():
    sheet = contact_sheet([(Tile(plain(RED, 200), ["an antibody with a very long name " * 5]), [])], side=50)
    assert (sheet == (255, 0, 0)).all(axis=2).sum() == 2500
    assert (sheet[:, 60:] == 255).all()


def test_a_caption_that_is_cut_keeps_the_number_of_a_cell():
    first, same, other, whole = (
        contact_sheet([(Tile(plain(RED), [caption]), [])], side=100)
        for caption in (f"{'f' * 40}/12", f"{'f' * 50}/12", f"{'f' * 40}/13", "f/12")
    )
    assert (first == same).all()
    assert (first != other).any()
    assert (first != whole).any()


def test_composite_leaves_the_yellow_plane_out():
    image = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    assert composite(image).tolist() == image[:, :, :3].tolist()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"\(4, 8, 8\)"):
        composite(np.zeros((4, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
