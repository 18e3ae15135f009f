import numpy as np
import pytest
import torch

from hpa_lit.data.dihedral import VIEWS, apply, apply_batch, apply_planes


def test_views_equal_the_reference_in_its_order(golden):
    arrays = np.load(golden / "tta.npz")
    assert [f"sq/{view}" for view in VIEWS] == [k for k in arrays.files if k.startswith("sq/") and k != "sq/input"]
    for view in VIEWS:
        result = apply(view, arrays["sq/input"])
        np.testing.assert_array_equal(result, arrays[f"sq/{view}"])
        assert result.flags.c_contiguous
        assert not np.shares_memory(result, arrays["sq/input"])


@pytest.mark.parametrize("view", VIEWS)
def test_a_batch_is_its_images_one_by_one(view):
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 9, 4), np.uint8)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    wanted = np.stack([apply(view, image) for image in images]).transpose(0, 3, 1, 2)
    result = apply_batch(view, batch)
    np.testing.assert_array_equal(result.numpy(), wanted)
    assert result.is_contiguous()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_fast_way_gives_the_same_pixels_plane_by_plane(view, channels):
    image = np.random.default_rng(0).integers(0, 256, (37, 70, channels), np.uint8)
    before = image.copy()
    result = apply_planes(view, image)
    np.testing.assert_array_equal(result, apply(view, image))
    assert result.transpose(2, 0, 1).flags.c_contiguous
    result[:] = 0
    np.testing.assert_array_equal(image, before)


def test_the_eight_views_differ():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert len({apply(view, image).tobytes() for view in VIEWS}) == 8


def test_an_unknown_view_is_refused():
    with pytest.raises(ValueError, match="flipud_lr_transpose"):
        apply("rotate", np.zeros((2, 2, 4), np.uint8))
