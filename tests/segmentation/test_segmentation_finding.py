"""Nuclei and cells, in pictures whose cells are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import h_maxima

from hpa_lit.errors import InputError
from hpa_lit.results.instances import overlaps, segmentation_precision
from hpa_lit.segmentation import finding
from hpa_lit.segmentation.finding import find_cells, nuclear_diameter
from hpa_lit.synthetic import Style
from hpa_lit.synthetic.field import draw_cells


def disks(side, *circles):
    """A plane with disks of brightness 150: x, y, radius."""
    plane = np.zeros((side, side), np.uint8)
    for x, y, radius in circles:
        cv2.circle(plane, (x, y), radius, 150, -1)
    return plane


@pytest.mark.parametrize("radius", [12, 25, 60])
def test_the_diameter_of_a_nucleus_is_that_of_disks(radius):
    plane = disks(600, (150, 150, radius), (400, 150, radius), (150, 400, radius), (152 + 2 * radius, 400, radius))
    assert nuclear_diameter(plane) == pytest.approx(2 * radius, rel=0.12)


def test_nuclei_that_touch_are_two_cells_and_each_takes_what_is_nearer():
    blue = disks(300, (100, 150, 40), (175, 150, 40))
    stain = disks(300, (100, 150, 80), (175, 150, 80))
    found = find_cells(stain, blue, stain)
    assert found.nuclei.max() == found.cells.max() == 2
    assert len(set(found.nuclei[150, [100, 175]])) == 2
    assert found.cells[150, 30] == found.nuclei[150, 100]
    assert found.cells[150, 245] == found.nuclei[150, 175]
    assert found.cells[5, 5] == 0


def test_a_nucleus_is_inside_its_cell_and_a_cell_is_one_piece():
    image = draw_cells([7], 384, np.random.default_rng(3)).image
    found = find_cells(image[:, :, 0], image[:, :, 2], image[:, :, 3])
    inside = found.nuclei > 0
    assert (found.cells[inside] == found.nuclei[inside]).all()
    for number in range(1, found.cells.max() + 1):
        sizes = np.bincount(label(found.cells == number).ravel())[1:]
        assert sizes.max() >= 0.97 * sizes.sum()  # a pixel or two may hang on by a corner


def test_cells_of_drawn_fields_are_found():
    """What is lost is at the border: cells whose nucleus lies outside."""
    nuclei, cells = [], []
    for seed in range(6):
        field = draw_cells([25, 7], 512, np.random.default_rng([11, seed]))
        found = find_cells(*field.image.transpose(2, 0, 1)[[0, 2, 3]])
        nuclei.append(overlaps(field.nuclei, found.nuclei))
        cells.append(overlaps(field.cells, found.cells))
    assert segmentation_precision(nuclei) > 0.85
    assert segmentation_precision(cells) > 0.7


@pytest.mark.parametrize("zoom", [0.5, 2])
def test_magnification_changes_no_count(zoom):
    """Of cells so large that the edge of a nucleus, a pixel wide, is little of it at half the size too."""
    style = replace(Style.draw([25], np.random.default_rng(8)), radius=0.17, nucleus=0.5, lobes=0.05)
    image = draw_cells([25], 512, np.random.default_rng(8), style).image
    large = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    here, there = (find_cells(*i.transpose(2, 0, 1)[[0, 2, 3]]) for i in (image, large))
    assert there.diameter == pytest.approx(zoom * here.diameter, rel=0.1)
    shrunk = cv2.resize(there.cells, (512, 512), interpolation=cv2.INTER_NEAREST_EXACT)
    assert segmentation_precision([overlaps(here.cells, shrunk)], 0.7) > 0.85


def test_labels_are_enlarged_as_pictures_of_each_would_be():
    labels = np.zeros((20, 30), np.int32)
    labels[3:9, 4:12], labels[9:15, 4:20], labels[0:5, 20:30] = 1, 2, 3
    assert np.array_equal(finding.enlarged(labels, (20, 30)), labels)
    soft = [cv2.resize((labels == k).astype(np.float32), (101, 73), interpolation=cv2.INTER_LINEAR) for k in range(4)]
    assert np.array_equal(finding.enlarged(labels, (73, 101)), np.argmax(soft, axis=0))


@pytest.mark.parametrize("blue", [np.zeros((64, 64)), np.full((64, 64), 90)], ids=["black", "flat"])
def test_a_field_without_a_nucleus_is_said(blue):
    stain = disks(64, (30, 30, 20))
    with pytest.raises(InputError, match="there is no nucleus in its blue plane"):
        find_cells(stain, blue.astype(np.uint8), stain)


def test_holes_are_filled_as_scipy_fills_them():
    mask = np.random.default_rng(0).random((40, 50)) < 0.55
    mask[5:9, :] = True  # one that reaches both sides
    np.testing.assert_array_equal(finding._filled(mask), ndimage.binary_fill_holes(mask))


def test_spots_are_parted_one_by_one_as_all_at_once():
    """Two disks that overlap, told apart or not by how high their saddle is, and one by itself."""
    rows, columns = np.mgrid[:60, :120]
    mask = np.zeros((60, 120), bool)
    for middle, radius in ((20, 15), (42, 13), (100, 15)):
        mask |= np.hypot(rows - 30, columns - middle) < radius
    depth = finding._depth(mask)
    for height, count in ((2, 3), (10, 2)):
        peaks = finding._peaks(depth, mask, height)
        np.testing.assert_array_equal(peaks > 0, h_maxima(depth, height) > 0)
        assert peaks.max() == count


def test_what_is_dim_beside_a_bright_cell_is_no_part_of_it():
    """A cell of radius 70 with a smear as bright as a tenth of it, and by itself one that is a fifth as bright."""
    blue = disks(600, (200, 200, 40), (450, 450, 40))
    stain = np.zeros((600, 600), np.uint8)
    for middle, radius, brightness in (((310, 200), 60, 20), ((200, 200), 70, 200), ((450, 450), 70, 40)):
        cv2.circle(stain, middle, radius, brightness, -1)
    cells = find_cells(stain, blue, stain).cells
    expected = np.sum(disks(600, (200, 200, 70)) > 0)
    assert cells.max() == 2
    for number in (1, 2):
        assert (cells == number).sum() == pytest.approx(expected, rel=0.1)
