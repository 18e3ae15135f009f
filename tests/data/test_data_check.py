import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa_lit.data.check import locate, read_headers
from hpa_lit.errors import InputError
from hpa_lit.files import rgby


@pytest.fixture
def folder(tmp_path):
    """Three whole images of four PNG planes, 20 x 30."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    for image_id in ("a", "b", "c"):
        for color in rgby.COLORS:
            Image.fromarray(pixels).save(tmp_path / f"{image_id}_{color}.png")
    return tmp_path


def test_whole_images_pass(folder):
    files = locate(["a", "b", "c"], rgby.list_images(folder), str(folder))
    assert [header.size for header in read_headers(["a", "b", "c"], files)] == [(20, 30)] * 3


def test_missing_images_and_planes_are_all_named(folder):
    (folder / "a_blue.png").unlink()
    (folder / "a_red.png").unlink()
    with pytest.raises(InputError) as error:
        locate(["a", "b", "nobody"], rgby.list_images(folder), str(folder))
    assert "a: no red and no blue plane" in str(error.value)
    assert "nobody: no image" in str(error.value)
    assert str(folder) in str(error.value)


def test_a_table_of_other_names_hears_those_that_are_there(folder):
    with pytest.raises(InputError, match=r"(?s)2 of 2 .*the Ids there are such as a, b, c: write.*a\.png: no image"):
        locate(["a.png", "b.png"], rgby.list_images(folder), str(folder))


def test_without_yellow_there_is_a_way_out(folder):
    for image_id in "ab":
        (folder / f"{image_id}_yellow.png").unlink()
    images = rgby.list_images(folder)
    with pytest.raises(InputError, match=r"2 of 3 .* or train without the yellow plane by data\.channels=rgb"):
        locate(["a", "b", "c"], images, str(folder))
    (folder / "c_yellow.png").write_bytes(b"not looked at")
    files = locate(["a", "b", "c"], images, str(folder), "rgb")
    assert [header.size for header in read_headers(["a", "b", "c"], files, "rgb")] == [(20, 30)] * 3
    (folder / "c_red.png").unlink()
    with pytest.raises(InputError) as error:
        locate(["a", "b", "c"], rgby.list_images(folder), str(folder))
    assert "data.channels" not in str(error.value)


def test_files_of_other_channels_and_pixels_are_named(tmp_path):
    rgby.write(tmp_path / "good.tif", np.zeros((20, 30, 4), np.uint8), "good")
    tifffile.imwrite(tmp_path / "three.tif", np.zeros((3, 20, 30), np.uint8))
    tifffile.imwrite(tmp_path / "floats.tif", np.zeros((4, 20, 30), np.float32))
    images = rgby.list_images(tmp_path)
    with pytest.raises(InputError) as error:
        read_headers(list(images), list(images.values()))
    assert "2 of 3 images" in str(error.value)
    assert "three.tif has shape (3, 20, 30): expected four channels" in str(error.value)
    assert "floats.tif: pixels are float32" in str(error.value)
    with pytest.raises(InputError, match="1 of 3 images"):
        read_headers(list(images), list(images.values()), "rgb")


def test_unreadable_and_unequal_planes_are_all_named(folder):
    path = folder / "a_blue.png"
    path.write_bytes(path.read_bytes()[:-30])
    (folder / "b_green.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((20, 31), np.uint8)).save(folder / "c_yellow.png")
    files = locate(["a", "b", "c"], rgby.list_images(folder), str(folder))
    with pytest.raises(InputError) as error:
        read_headers(["a", "b", "c"], files)
    message = str(error.value)
    assert "a_blue.png is cut short" in message
    assert "b_green.png cannot be read" in message
    assert "c: planes differ in size" in message
    assert "yellow 20 x 31" in message
