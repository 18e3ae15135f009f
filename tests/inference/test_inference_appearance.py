"""How pictures look, by plain measures."""

import io

import numpy as np
import pytest
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.inference import appearances
from hpa_lit.inference.appearance import appearance
from hpa_lit.synthetic import draw_atlas

PER_PLANE = 8


def test_the_measures_are_those_of_numpy():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (256, 256, 4)).astype(np.uint8)
    image[..., 1] = image[..., 0] // 2
    image[..., 3] = 7
    found = appearance(image)
    assert found.shape == (4 * PER_PLANE + 6,)
    for color in range(4):
        plane = image[..., color] / 255
        expected = [*np.percentile(plane, [5, 50, 95, 99.5]), plane.mean(), plane.std()]
        np.testing.assert_allclose(found[color * PER_PLANE :][:6], expected, atol=1e-5)
    np.testing.assert_allclose(found[3 * PER_PLANE + 6 :][:2], np.log(1e-4), atol=1e-2)  # a blank plane has no texture
    noise = np.corrcoef(image[..., 0].ravel(), image[..., 2].ravel())[0, 1]
    np.testing.assert_allclose(found[-6:], [np.arctanh(0.99), np.arctanh(noise), 0, np.arctanh(noise), 0, 0], atol=2e-3)


def test_texture_is_told_by_its_size():
    wave = np.arange(256)[:, None] * np.ones(256)
    fine, coarse = (np.uint8(128 + 60 * np.sin(2 * np.pi * wave / period))[..., None] for period in (12, 60))
    (fine_small, fine_large), (coarse_small, coarse_large) = (appearance(image)[6:8] for image in (fine, coarse))
    assert fine_small > fine_large
    assert coarse_large > coarse_small


def test_a_jpeg_looks_like_its_png_beside_how_drawings_differ(tmp_path):
    tree = DataTree(tmp_path)
    draw_atlas(tree, fields=40, test_share=0.6, external_share=0.1, duplicates=0, size=256)
    files = rgby.list_images(tree.raw_images("train"))
    images = [rgby.read(planes) for planes in files.values()]
    looks = np.stack([appearance(image) for image in images])
    np.testing.assert_array_equal(appearances(list(files), files, "auto", "rgby", "error", workers=0), looks)

    def through_jpeg(plane):
        buffer = io.BytesIO()
        Image.fromarray(plane).save(buffer, "jpeg", quality=85)
        return np.asarray(Image.open(buffer))

    again = np.stack([appearance(np.stack([through_jpeg(p) for p in np.moveaxis(i, -1, 0)], -1)) for i in images])
    assert (np.abs(again - looks).mean(axis=0) < 0.25 * looks.std(axis=0) + 1e-3).all()


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "gone.tif"
    path.write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"gone\.tif"):
        appearances(["gone"], {"gone": {"rgby": path}}, "auto", "rgby", "error", workers=0)
