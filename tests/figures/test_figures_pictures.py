"""Micrographs of a report, pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.figures.pictures import beside, brightened, cut_out, encoded, heat, locate, protein, shrunk, small
from hpa_lit.files import rgby


def test_the_protein_is_grey_and_as_bright_as_can_be():
    image = np.zeros((10, 10, 4), np.uint8)
    image[:, :, 0] = 200
    image[:5, :, 1], image[5:, :, 1] = 20, 40
    grey = protein(image)
    assert (grey[:5] == 128).all()
    assert (grey[5:] == 255).all()
    assert (protein(np.zeros((4, 4, 3), np.uint8)) == 0).all()


def test_each_plane_is_brightened_by_itself_and_no_more_than_asked():
    image = np.full((10, 10, 4), (200, 51, 5, 0), np.uint8)
    assert brightened(image)[0, 0].tolist() == [255, 255, 255, 0]
    assert brightened(image, 8)[0, 0].tolist() == [255, 255, 40, 0]


def test_a_small_picture_keeps_its_proportions_and_has_black_for_what_is_missing(tmp_path):
    rgby.write(tmp_path / "a.tif", np.full((100, 400, 4), (10, 20, 30, 40), np.uint8), "a")
    image = small(rgby.list_images(tmp_path)["a"], "auto")
    assert image.shape == (48, 192, 4)
    assert (image == (10, 20, 30, 40)).all()
    assert shrunk(image, 500).shape == image.shape  # none is made larger
    Image.fromarray(np.full((4, 4), 90, np.uint8)).save(tmp_path / "b_green.png")
    assert small(rgby.list_images(tmp_path)["b"], "auto")[0, 0].tolist() == [0, 90, 0, 0]


def test_the_planes_of_a_jpeg_are_not_blurred_into_each_other():
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, 7] = (255, 0, 0)  # a line of one pixel, which half the resolution of colour would spread
    with Image.open(io.BytesIO(encoded(picture, "jpeg"))) as image:
        red = np.asarray(image)[:, :, 0].astype(int)
    assert red[:, 7].min() > 150
    assert red[:, [4, 10]].max() < 60


def test_heat_leaves_cold_places_alone_and_covers_warm_ones():
    picture = np.full((2, 2, 3), 100, np.uint8)
    warm = heat(picture, np.array([[0, 0.5], [0, 1]], np.float32))
    assert (warm[:, 0] == 100).all()
    # inferno ends in (252, 255, 164), of which seven tenths cover the picture
    np.testing.assert_allclose(warm[1, 1], np.array([252, 255, 164]) * 0.7 + 30, atol=1)


def test_two_pictures_stand_side_by_side():
    pair = beside(np.full((8, 8, 3), 10, np.uint8), np.full((4, 4, 3), 90, np.uint8), 6)
    assert pair.shape == (6, 12, 3)
    assert (pair[:, :6] == 10).all()
    assert (pair[:, 6:] == 90).all()
    with Image.open(io.BytesIO(encoded(pair, "png"))) as picture:
        assert np.asarray(picture).tolist() == pair.tolist()
    with Image.open(io.BytesIO(encoded(pair, "jpeg"))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (12, 6))


def test_images_are_found_in_several_folders_once(tmp_path):
    image = np.zeros((4, 4, 4), np.uint8)
    for folder, name in (("one", "a"), ("two", "b")):
        rgby.write(tmp_path / folder / f"{name}.tif", image, name)
    one, two = ({name: rgby.list_images(tmp_path / name)} for name in ("one", "two"))
    assert list(locate(one | two, ["a", "b"])) == ["a", "b"]
    assert locate({}, ["a"]) == {}
    with pytest.raises(InputError, match=r"1 predicted images are not in one:\n  b"):
        locate(one, ["a", "b"])
    with pytest.raises(InputError, match=r"1 predicted images are not in atlas:\n  a"):
        locate({"atlas": {"a": {}}}, ["a"])
    with pytest.raises(InputError, match=r"1 images are in two and in another folder too:\n  a"):
        locate({**one, "two": {**two["two"], "a": {}}}, ["a"])


def test_a_cell_is_cut_out_as_a_square_in_its_middle_with_the_others_dimmed():
    image = np.full((60, 80, 3), 90, np.uint8)
    cell = np.zeros((60, 80), bool)
    cell[20:30, 40:60] = True
    square = cut_out(image, cell, 96)
    assert square.shape == (22, 22, 3)  # a twentieth around the longer side
    assert (square[6:16, 1:21] == 90).all()
    assert (square == 30).sum() == 3 * (22 * 22 - 200)
    assert cut_out(image, cell, 11).shape == (11, 11, 3)


def test_a_square_is_black_where_the_image_ends():
    cell = np.zeros((60, 80), bool)
    cell[:6, 70:] = True
    square = cut_out(np.full((60, 80, 4), 90, np.uint8), cell, 96)
    assert square.shape == (12, 12, 4)
    assert (square[3:9, 1:11] == 90).all()
    assert not square[:3].any()
    assert not square[:, 11:].any()
