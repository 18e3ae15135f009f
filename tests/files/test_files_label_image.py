"""Label images: what is written is read back, here and by others, and what is none is refused in a sentence."""

import cv2
import numpy as np
import pytest
import skimage.io
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files import label_image


@pytest.fixture
def labels():
    return (np.arange(1200).reshape(30, 40) // 7).astype(np.uint16)


def test_others_read_the_very_numbers_and_the_pixel_size(tmp_path, labels):
    path = tmp_path / "a.tif"
    label_image.write(path, labels, 0.16)
    for found in (label_image.read(path), tifffile.imread(path), skimage.io.imread(path)):
        np.testing.assert_array_equal(found, labels)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.imagej_metadata["unit"] == "um"
        assert tiff.imagej_metadata["max"] == labels.max()
        over, under = tiff.pages[0].tags["XResolution"].value
        assert over / under == pytest.approx(1 / 0.16, rel=1e-6)
    before = path.read_bytes()
    label_image.write(path, labels, 0.16)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint32, np.int64, np.float32])
def test_whole_numbers_of_any_kind_are_taken(tmp_path, kind):
    labels = np.array([[0, 1], [2, 200]], kind)
    tifffile.imwrite(tmp_path / "a.tif", labels)
    found = label_image.read(tmp_path / "a.tif")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, labels)


def test_numbers_beyond_16_bits_are_numbered_anew_in_their_order(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 70_000], [5, 2**31]], np.uint32))
    np.testing.assert_array_equal(label_image.read(tmp_path / "a.tif"), [[0, 2], [1, 3]])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5, 3), np.uint8), r"has the shape \(4, 5, 3\): a label image has one plane"),
        (np.array([[0.2, 0.9]], np.float32), "holds float32 that are no numbers of cells"),
        (np.array([[True, False]]), "holds bool that are no numbers of cells"),
        (np.array([[-1, 3]], np.int16), "holds int16 that are no numbers of cells"),
        (np.array([[np.nan, 3]], np.float32), "holds float32 that are no numbers of cells"),
        (np.arange(70_000, dtype=np.uint32).reshape(280, 250), "has 69999 cells, more than 65535"),
    ],
    ids=["planes", "probabilities", "yes or no", "negative", "nan", "many"],
)
def test_what_is_no_label_image_is_refused(tmp_path, array, message):
    tifffile.imwrite(tmp_path / "a.tif", array)
    with pytest.raises(InputError, match=rf"a\.tif {message}"):
        label_image.read(tmp_path / "a.tif")


def test_damage_is_one_sentence(tmp_path, labels):
    label_image.write(tmp_path / "a.tif", labels)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:200])
    cv2.imwrite(str(tmp_path / "b.png"), labels)
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:90])
    for name in ("a.tif", "b.png", "c.tif"):
        with pytest.raises(InputError, match=name):
            label_image.read(tmp_path / name)
