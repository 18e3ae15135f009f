import numpy as np
import pytest
import torch

from hpa_lit.data.dihedral import VIEWS, apply, apply_batch, apply_plane


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
def test_the_fast_way_gives_the_same_pixels(view):
    part = np.random.default_rng(0).integers(0, 256, (40, 80), np.uint8)[1:38, 5:75]
    before = part.copy()
    wanted = apply(view, part[:, :, None])[:, :, 0]
    result = np.empty(wanted.shape, np.uint8)
    assert apply_plane(view, part, result) is result
    np.testing.assert_array_equal(result, wanted)
    small = np.zeros((3, 3), np.uint8)
    for fresh in (apply_plane(view, part), apply_plane(view, part, small)):
        np.testing.assert_array_equal(fresh, wanted)
        assert fresh.flags.c_contiguous
        assert not np.shares_memory(fresh, part)
    assert not small.any()
    np.testing.assert_array_equal(part, before)


def test_the_eight_views_differ():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert len({apply(view, image).tobytes() for view in VIEWS}) == 8


def test_an_unknown_view_is_refused():
    with pytest.raises(ValueError, match="flipud_lr_transpose"):
        apply("rotate", np.zeros((2, 2, 4), np.uint8))
