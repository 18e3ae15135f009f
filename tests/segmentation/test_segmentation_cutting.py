"""Cells cut out, marked, and taken from masks of others, by hand calculation."""

import cv2
import numpy as np
import pytest
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.segmentation.cutting import cut
from hpa_lit.segmentation.masks import list_masks, read_mask
from hpa_lit.segmentation.regions import regions


@pytest.fixture
def mask():
    """A cell of 6 x 4 pixels at the top, one of 4 x 4 in the middle, of 20 x 20."""
    mask = np.zeros((20, 20), np.uint16)
    mask[0:6, 2:6], mask[8:12, 8:12] = 1, 7
    return mask


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(1, 256, (20, 20, 4), np.uint8)


def test_a_cell_is_in_the_middle_of_its_square_and_black_around(mask, image):
    top, middle = cut(image, mask, regions(mask), 10, 0.0, "mask")
    expected = np.zeros((10, 10, 4), np.uint8)
    expected[2:8, 3:7] = image[0:6, 2:6]
    np.testing.assert_array_equal(top, expected)
    expected = np.zeros((10, 10, 4), np.uint8)
    expected[3:7, 3:7] = image[8:12, 8:12]
    np.testing.assert_array_equal(middle, expected)


def test_its_neighbours_may_stay_but_not_what_lies_beyond_the_field(mask, image):
    top, middle = cut(image, mask, regions(mask), 10, 0.0, "keep")
    assert not top[:2].any()
    assert not top[:, 0].any()
    np.testing.assert_array_equal(middle, image[5:15, 5:15])
    np.testing.assert_array_equal(top[2:, 1:], image[0:8, 0:9])


def test_a_cell_that_is_too_large_is_made_smaller_with_its_margin(mask, image):
    (_, small) = cut(image, mask, regions(mask), 4, 0.5, "keep")
    np.testing.assert_array_equal(small, cv2.resize(image[6:14, 6:14], (4, 4), interpolation=cv2.INTER_AREA))


def test_the_field_is_seen_at_the_size_of_the_network_and_the_mask_with_it(mask, image):
    large = cv2.resize(mask, (60, 60), interpolation=cv2.INTER_NEAREST)
    for ours, theirs in zip(
        cut(image, mask, regions(mask), 10, 0.0, "mask"),
        cut(image, large, regions(large), 10, 0.0, "mask"),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_cells_are_measured_and_marked():
    mask = np.zeros((100, 100), np.uint16)
    for number, top in enumerate((10, 30, 50), 1):
        mask[top : top + 10, 10:20] = number
    mask[0:5, 50:60], mask[40:44, 50:54], mask[50:80, 50:80] = 4, 5, 9
    found = {cell.number: cell for cell in regions(mask)}
    assert {number: cell.remark for number, cell in found.items()} == {
        **{1: "", 2: "", 3: "", 4: "border"},
        **{5: "tiny", 9: "giant"},
    }
    assert (found[2].y, found[2].x, found[2].area) == (34.5, 14.5, 100)
    assert (found[9].top, found[9].left, found[9].bottom, found[9].right) == (50, 50, 80, 80)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((9, 9), np.uint16), "its mask is empty"),
        (np.arange(10_000, dtype=np.uint16).reshape(100, 100), "its mask has 9999 cells, and a field 1000 at most"),
    ],
    ids=["empty", "noise"],
)
def test_masks_without_cells_and_with_too_many_are_refused(mask, message):
    with pytest.raises(InputError, match=message):
        regions(mask)


def test_masks_are_found_by_the_names_that_programs_give_them(tmp_path, mask):
    for name in ("a.tif", "b_cp_masks.png", "c_1_cellmask.png", "other.tif", "b_cp_masks.txt"):
        path = tmp_path / name
        cv2.imwrite(str(path), mask) if name.endswith("png") else tifffile.imwrite(path, mask)
    found = list_masks(tmp_path, ["a", "b", "c_1", "d"])
    assert {i: path.name for i, path in found.items()} == {
        "a": "a.tif",
        "b": "b_cp_masks.png",
        "c_1": "c_1_cellmask.png",
    }
    for path in found.values():
        np.testing.assert_array_equal(read_mask(path, (20, 20)), mask)


def test_a_name_that_is_an_id_is_that_ones(tmp_path, mask):
    tifffile.imwrite(tmp_path / "a_mask.tif", mask)
    assert {i: path.name for i, path in list_masks(tmp_path, ["a", "a_mask"]).items()} == {"a_mask": "a_mask.tif"}
    assert {i: path.name for i, path in list_masks(tmp_path, ["a"]).items()} == {"a": "a_mask.tif"}


def test_what_cannot_be_is_said(tmp_path, mask):
    with pytest.raises(InputError, match="there is no such folder"):
        list_masks(tmp_path / "none", ["a"])
    with pytest.raises(InputError, match="holds no TIFF or PNG: no label image of any field"):
        list_masks(tmp_path, ["a"])
    tifffile.imwrite(tmp_path / "a.tif", mask)
    tifffile.imwrite(tmp_path / "a_masks.tif", mask)
    with pytest.raises(InputError, match=r"a\.tif and .*a_masks\.tif are both masks of a"):
        list_masks(tmp_path, ["a"])
    with pytest.raises(InputError, match="has 20 x 20 pixels and its field 20 x 30"):
        read_mask(tmp_path / "a.tif", (20, 30))
