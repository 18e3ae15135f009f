"""Views: where crops lie, and that the device makes of them what OpenCV makes in training."""

import numpy as np
import pytest
import torch
from scipy import stats

from hpa_lit.data.dihedral import VIEWS
from hpa_lit.errors import InputError
from hpa_lit.files.rgby import resize
from hpa_lit.inference.views import crop_box, cut, view_names


def pictures(size, count=3):
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 4), np.uint8)


def tensor(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize(("size", "crop"), [(768, 512), (1536, 1024), (512, 384), (700, 512), (40, 32), (64, 32)])
def test_the_whole_image_is_that_of_validation_to_one_level(size, crop):
    images = pictures(size, 1)
    found = cut(tensor(images), ["a"], 0, crop).permute(0, 2, 3, 1).numpy()
    difference = np.abs(found.astype(int) - resize(images[0], crop)[None])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.15


def test_an_image_of_crop_size_stays_as_it_is():
    images = tensor(pictures(32))
    assert torch.equal(cut(images, ["a", "b", "c"], 0, 32), images)


def test_a_crop_is_what_opencv_makes_of_its_box():
    images, ids = pictures(96), ["a", "b", "c"]
    for crop in (1, 2, 3):
        found = cut(tensor(images), ids, crop, 64).permute(0, 2, 3, 1).numpy()
        for image_id, image, patch in zip(ids, images, found, strict=True):
            top, left, side = crop_box(image_id, crop, 96, 64)
            expected = resize(image[top : top + side, left : left + side], 64)
            assert np.abs(patch.astype(int) - expected).max() <= 1


def test_boxes_depend_on_id_and_crop_alone_and_are_pinned():
    assert crop_box("any", 0, 768, 512) == (0, 0, 768)
    # Released predictions stay reproducible only as long as these numbers stay.
    assert [crop_box("00070df0", crop, 768, 512) for crop in (1, 2, 3)] == [
        (57, 2, 676),
        (23, 188, 526),
        (77, 143, 558),
    ]
    boxes = {crop_box(f"i{n}", crop, 768, 512) for n in range(50) for crop in (1, 2, 3)}
    assert len(boxes) == 150


def test_sides_are_uniform_from_crop_to_image_size_and_places_too():
    boxes = np.array([crop_box(f"i{n}", 1, 50, 40) for n in range(4000)])
    sides, counts = np.unique(boxes[:, 2], return_counts=True)
    assert sides.tolist() == list(range(40, 51))
    assert stats.chisquare(counts).pvalue > 0.001
    for side in (40, 45):
        places, counts = np.unique(boxes[boxes[:, 2] == side, :2], return_counts=True)
        assert places.tolist() == list(range(50 - side + 1))
        assert stats.chisquare(counts).pvalue > 0.001


def test_names():
    assert view_names(1, ["default"]) == ("crop0/default",)
    full = view_names(4, VIEWS)
    assert len(full) == 32
    assert full[8:10] == ("crop1/default", "crop1/flipud")


@pytest.mark.parametrize(
    ("crops", "dihedral", "message"),
    [(1, ["rot90"], "there is no view rot90; .*flipud_lr_transpose"), (0, ["default"], "crops=0"), (1, [], "at least")],
)
def test_unknown_views_are_refused(crops, dihedral, message):
    with pytest.raises(InputError, match=message):
        view_names(crops, dihedral)
