import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its newest version

import albumentations as A
import cv2
import numpy as np
import pytest

from hpa_lit.data.dihedral import VIEWS, apply
from hpa_lit.data.transforms import TrainTransform, ValidTransform
from hpa_lit.files import rgby


@pytest.fixture(scope="module")
def reference_images(golden, tmp_path_factory):
    """The four invented images of the reference's data set, as files: two of PNG planes, two of coloured JPEGs."""
    folder = tmp_path_factory.mktemp("reference")
    arrays = np.load(golden / "dataset.npz")
    for key in arrays.files:
        if key.startswith("png_pixels/"):
            cv2.imwrite(str(folder / f"{key.split('/')[1]}.png"), arrays[key])
        elif key.startswith("jpg/"):
            (folder / f"{key.split('/')[1]}.jpg").write_bytes(arrays[key].tobytes())
    images = rgby.list_images(folder)
    assert len(images) == 4
    return images, arrays


@pytest.mark.parametrize(
    ("case", "transform", "view"),
    [("cls/full", ValidTransform(96, 64), "default"), ("ml/fliplr_transpose_64", ValidTransform(64, None), None)],
)
def test_pixels_equal_the_reference(reference_images, case, transform, view):
    images, arrays = reference_images
    wanted = arrays[f"{case}/tensor_times_255"].astype(int)
    order = ["aa-1", "100_7_A1_1", "bb-2", "2001_9_B3_2"]
    order = order if len(wanted) == 4 else order[: len(wanted)]
    matched = set()
    for files in images.values():
        seen = transform(rgby.read_channels(files), 0).transpose(1, 2, 0)
        image = apply(view or "fliplr_transpose", seen).transpose(2, 0, 1).astype(int)
        matched |= {row for row in range(len(wanted)) if np.abs(image - wanted[row]).max() <= 1}
    assert matched == set(range(4))


def gradient_image(side):
    """Planes whose pixels tell where they come from."""
    rows, columns = np.mgrid[0:side, 0:side]
    return np.stack([rows, columns, rows * 0, columns * 0]).astype(np.uint8)


def test_a_crop_is_square_uniform_and_inside():
    transform = TrainTransform(96, 64)
    sides = []
    for seed in range(400):
        result = transform(gradient_image(96), seed)
        assert result.shape == (4, 64, 64)
        rows, columns = result[:2]
        spans = sorted(int(plane.max()) - int(plane.min()) + 1 for plane in (rows, columns))
        assert spans[1] - spans[0] <= 2  # square, up to rounding
        assert rows.max() <= 95
        sides.append(spans[1])
    # Uniform between 64 and 96: mean 80, deviation 9.5.
    assert min(sides) <= 66
    assert max(sides) >= 94
    assert np.mean(sides) == pytest.approx(80, abs=2)


def test_all_eight_views_come_equally_often():
    transform = TrainTransform(8, None)
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    views = {apply(view, image).tobytes(): view for view in VIEWS}
    counts = dict.fromkeys(VIEWS, 0)
    for seed in range(800):
        counts[views[transform([image[:, :, 0]], seed).tobytes()]] += 1
    assert min(counts.values()) > 60  # 100 expected, deviation 9.4


def test_the_seed_decides():
    transform, other = TrainTransform(96, 64), TrainTransform(96, 64)
    image = gradient_image(96)
    np.testing.assert_array_equal(transform(image, 7), other(image, 7))
    assert not np.array_equal(transform(image, 7), transform(image, 8))


@pytest.mark.parametrize("transform", [TrainTransform(96, 64), TrainTransform(96, None), ValidTransform(96, 64)])
def test_a_result_is_written_where_it_is_wanted(transform):
    image = gradient_image(96)
    place = np.zeros((2, 4, transform.side, transform.side), np.uint8)
    transform(image, 5, place[1])
    np.testing.assert_array_equal(place[1], transform(image, 5))
    assert not place[0].any()


def test_the_argument_is_left_alone():
    image = gradient_image(64)
    before = image.copy()
    TrainTransform(64, None)(image, 3)[:] = 0
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("side", "crop"), [(96, 64), (70, 70), (64, None)])
def test_a_seed_draws_what_albumentations_draws(side, crop):
    image = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    steps = [] if crop is None else [A.RandomSizedCrop((crop, side), size=(crop, crop), p=1)]
    plain, fast = A.Compose([*steps, A.D4(p=1)]), TrainTransform(side, crop)
    for seed in range(64):
        plain.set_random_seed(seed)
        seen = fast(image.transpose(2, 0, 1), seed)
        np.testing.assert_array_equal(seen.transpose(1, 2, 0), plain(image=image)["image"])
