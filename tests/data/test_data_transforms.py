import os
import subprocess
import sys

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its newest version

import albumentations as A
import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.utils.data import DataLoader, default_convert

from hpa_lit.data.channel_dropout import ChannelDropout
from hpa_lit.data.dataset import Examples, ImageDataset
from hpa_lit.data.dihedral import VIEWS, apply
from hpa_lit.data.loading import EpochSampler
from hpa_lit.data.transforms import Dihedral, RandomSquareCrop, TrainTransform, ValidTransform
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.conf_dir import conf_dir


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


@pytest.mark.parametrize("augment", [[], [RandomSquareCrop()], [Dihedral()], [A.InvertImg(p=1)]])
def test_the_argument_is_left_alone(augment):
    image = gradient_image(64)
    before = image.copy()
    for seed in range(8):
        TrainTransform(64, None, augment)(image, seed)[:] = 0
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


@pytest.mark.parametrize("places", [3, 5])
@pytest.mark.parametrize("augment", [[], [RandomSquareCrop()], [RandomSquareCrop(), Dihedral()]])
def test_every_plane_needs_its_place(augment, places):
    with pytest.raises(ValueError, match="zip"):
        TrainTransform(96, 64, augment)(gradient_image(96), 0, np.zeros((places, 64, 64), np.uint8))


def noise_image(side, channels=4):
    return np.random.default_rng(side).integers(0, 256, (channels, side, side), np.uint8)


def changed(step, image):
    """What Albumentations makes of planes."""
    return step(image=np.ascontiguousarray(image.transpose(1, 2, 0)))["image"].transpose(2, 0, 1)


def test_steps_by_name_are_steps_in_a_row():
    steps = [A.GaussNoise(p=0.5), RandomSquareCrop(), Dihedral(), A.GaussianBlur(p=0.5)]
    row, named = (TrainTransform(96, 64, augment) for augment in (steps, dict(zip("abcd", steps, strict=True))))
    for seed in range(8):
        np.testing.assert_array_equal(row(noise_image(96), seed), named(noise_image(96), seed))


def test_without_steps_it_is_the_whole_image():
    wanted = ValidTransform(96, 64)(noise_image(100), 0)
    np.testing.assert_array_equal(TrainTransform(96, 64, [])(noise_image(100), 3), wanted)
    seen = TrainTransform(96, 64, [Dihedral()])(gradient_image(96), 3)
    assert seen.shape == (4, 64, 64)
    assert [(int(plane.min()), int(plane.max())) for plane in seen[:2]] == [(0, 95)] * 2


@pytest.mark.parametrize("channels", [3, 4])
def test_a_transform_of_albumentations_stands_anywhere(channels):
    image, blur = noise_image(96, channels), A.Blur((5, 5), p=1)
    crop, dihedral = TrainTransform(96, 64, [RandomSquareCrop()]), TrainTransform(64, None, [Dihedral()])
    for seed in range(16):
        first = TrainTransform(96, 64, [blur, RandomSquareCrop(), Dihedral()])(image, seed)
        np.testing.assert_array_equal(first, dihedral(crop(changed(blur, image), seed), seed))
        second = TrainTransform(96, 64, [RandomSquareCrop(), blur, Dihedral()])(image, seed)
        np.testing.assert_array_equal(second, dihedral(changed(blur, crop(image, seed)), seed))
        third = TrainTransform(96, 64, [RandomSquareCrop(), Dihedral(), blur])(image, seed)
        np.testing.assert_array_equal(third, changed(blur, dihedral(crop(image, seed), seed)))


def test_a_step_comes_as_often_as_it_is_named():
    once, twice = TrainTransform(96, None, [Dihedral()]), TrainTransform(96, None, [Dihedral(), Dihedral()])
    for seed in range(16):
        wanted = once(once(noise_image(96), seed), seed)
        np.testing.assert_array_equal(twice(noise_image(96), seed), wanted)


def test_another_size_is_brought_to_that_of_the_result():
    image = noise_image(96)
    seen = TrainTransform(96, 64, [A.CenterCrop(48, 80, p=1)])(image, 0)
    wanted = [cv2.resize(plane[24:72, 8:88], (64, 64), interpolation=cv2.INTER_LINEAR) for plane in image]
    np.testing.assert_array_equal(seen, wanted)
    assert TrainTransform(96, 64, [A.CenterCrop(48, 80, p=1), Dihedral()])(image, 0).shape == (4, 64, 64)
    assert TrainTransform(96, 64, [A.CenterCrop(48, 80, p=1), RandomSquareCrop()])(image, 0).shape == (4, 64, 64)


def test_a_step_that_never_acts_changes_nothing():
    never = [A.GaussNoise(p=0), A.Compose([A.Rotate(p=1)], p=0), A.OneOf([A.Blur(p=1)], p=0)]
    plain, other = TrainTransform(96, 64), TrainTransform(96, 64, [*never, RandomSquareCrop(), Dihedral(), *never])
    for seed in range(16):
        np.testing.assert_array_equal(plain(noise_image(96), seed), other(noise_image(96), seed))


def test_steps_draw_independently():
    gains = [A.MultiplicativeNoise((0, 1), p=1) for _ in range(3)]
    transform = TrainTransform(8, None, [gains[0], Dihedral(), *gains[1:]])
    draws = []
    for seed in range(600):
        view = np.random.default_rng(seed).random()
        transform(noise_image(8), seed)
        draws.append([view, *(gain.params["multiplier"][0] for gain in gains)])
    correlation = np.corrcoef(np.array(draws).T)
    assert np.abs(correlation - np.eye(4)).max() < 0.2  # deviation 0.04
    assert np.mean(draws, axis=0) == pytest.approx([0.5] * 4, abs=0.06)  # deviation 0.012


def test_members_of_a_composition_draw_independently():
    transform = TrainTransform(8, None, [A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)])])
    image = noise_image(8)
    views = ("default", "flipud", "fliplr", "flipud_lr")
    counts = {apply(view, image.transpose(1, 2, 0)).tobytes(): 0 for view in views}
    for seed in range(400):
        counts[transform(image, seed).transpose(1, 2, 0).tobytes()] += 1
    assert min(counts.values()) > 60  # 100 expected, deviation 8.7


def test_the_seed_decides_whatever_came_before():
    steps = [
        A.SomeOf([A.GaussNoise(p=0.5), A.RandomGamma(p=0.5), A.Affine(scale=(0.8, 1.2), p=0.5)], n=2, p=0.8),
        RandomSquareCrop(),
        A.OneOf([A.Sequential([A.Blur(p=0.5), A.GaussNoise()]), A.CoarseDropout()], p=0.7),
        Dihedral(),
    ]
    transform = TrainTransform(96, 64, steps)
    forth = [transform(noise_image(96), seed) for seed in range(24)]
    back = [transform(noise_image(96), seed) for seed in reversed(range(24))]
    np.testing.assert_array_equal(forth, back[::-1])
    assert len({image.tobytes() for image in forth}) == 24


@pytest.mark.parametrize(
    "step",
    [A.D4, None, "blur", {"_target_": "albumentations.Blur"}, lambda image: image],
    ids=lambda step: type(step).__name__,
)
def test_what_is_no_transform_is_refused_by_name(step):
    with pytest.raises(InputError, match=r"^augmentation other is .*: give a RandomSquareCrop, a Dihedral, or a tran"):
        TrainTransform(96, 64, {"crop": RandomSquareCrop(), "other": step})


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (A.HueSaturationValue(p=1), "HueSaturationValue fails on 4 channels: .* expects 1-channel or 3-channel"),
        (A.Normalize(mean=[0] * 4, std=[1] * 4, p=1), "Normalize does not leave 4 channels of uint8"),
        (A.ToTensorV2(p=1), "ToTensorV2 does not leave 4 channels of uint8"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_change_the_image_is_named(step, message):
    with pytest.raises(InputError, match=f"^augmentation 1: {message}.*; take it out"):
        TrainTransform(96, 64, [RandomSquareCrop(), step])(noise_image(96), 0)


def configured(name, *overrides, convert="all"):
    """The steps of a file of conf/augment."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return instantiate(compose(f"augment/{name}", list(overrides)).augment.transforms, _convert_=convert)


@pytest.mark.parametrize("convert", ["none", "all"])
def test_configs_say_the_recipe_the_whole_image_and_one_more_step(convert):
    image, crop, dihedral = noise_image(96), RandomSquareCrop(), Dihedral()
    overrides = ["+augment.transforms.blur._target_=albumentations.Blur", "+augment.transforms.blur.blur_limit=[5,5]"]
    for steps, wanted in (
        (configured("reference", convert=convert), [crop, dihedral]),
        (configured("none", convert=convert), []),
        (configured("reference", *overrides, convert=convert), [crop, dihedral, A.Blur((5, 5))]),
        (configured("reference", "~augment.transforms.crop", convert=convert), [dihedral]),
    ):
        for seed in range(8):
            seen = TrainTransform(96, 64, steps)(image, seed)
            np.testing.assert_array_equal(seen, TrainTransform(96, 64, wanted)(image, seed))


@pytest.mark.parametrize("convert", ["none", "all"])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_strong_step_keeps_a_dim_protein_in_its_place(channels, convert):
    steps = configured("strong", convert=convert)
    names = list(steps)
    assert names[:2] == ["crop", "dihedral"]
    image = np.full((channels, 96, 96), 40, np.uint8)
    image[1] = cv2.circle(np.zeros((96, 96), np.uint8), (48, 48), 30, 13, -1)  # 0.05, the atlas's mean
    for name in names[2:]:
        alone, effects = TrainTransform(96, None, {name: steps[name]}), 0
        for seed in range(60):
            seen = alone(image, seed)
            assert seen.shape == image.shape
            effects += not np.array_equal(seen, image)
            assert seen[1, 40:56, 40:56].mean() - seen[1, :8, :8].mean() > 5
        assert 0 < effects < 60
    together = TrainTransform(96, None, {name: steps[name] for name in names[1:]})
    for seed in range(60):
        seen = together(image, seed)
        assert seen[1, 40:56, 40:56].mean() - seen[1, :8, :8].mean() > 3


@pytest.mark.parametrize("channels", [3, 4])
def test_dropout_takes_any_channel_but_the_protein(channels):
    transform = TrainTransform(16, None, [ChannelDropout(p=0.6)])
    image = noise_image(16, channels)
    dropped = []
    for seed in range(400):
        seen = transform(image, seed)
        dark = [channel for channel in range(channels) if not seen[channel].any()]
        kept = [channel for channel in range(channels) if channel not in dark]
        np.testing.assert_array_equal(seen[kept], image[kept])
        assert len(dark) <= 1
        dropped += dark
    assert set(dropped) == set(range(channels)) - {rgby.COLORS.index(rgby.PROTEIN)}
    assert len(dropped) == pytest.approx(240, abs=40)  # deviation 9.8


def test_augmentation_does_not_depend_on_the_number_of_workers(tmp_path):
    ids = [f"i{row}" for row in range(9)]
    for seed, image_id in enumerate(ids):
        rgby.write(tmp_path / f"{image_id}.tif", noise_image(96 + seed).transpose(1, 2, 0), image_id)
    examples = Examples(ids, list(rgby.list_images(tmp_path).values()), np.eye(9, dtype=np.uint8))

    def images(workers):
        dataset = ImageDataset(examples, TrainTransform(96, 64, configured("strong")), seed=3)
        sampler = EpochSampler(dataset, 1, 0, shuffle=False)
        sampler.set_epoch(2)
        loader = DataLoader(dataset, 2, sampler=sampler, num_workers=workers, collate_fn=default_convert)
        return np.concatenate([batch["image"].numpy() for batch in loader])

    alone = images(0)
    assert alone.shape == (9, 4, 64, 64)
    np.testing.assert_array_equal(alone, images(2))


def test_albumentations_is_imported_for_its_transforms_alone():
    program = """
import os, sys
from hpa_lit.data.transforms import Dihedral, RandomSquareCrop, TrainTransform
TrainTransform(96, 64), TrainTransform(96, 64, {"turn": Dihedral(), "crop": RandomSquareCrop()})
print("albumentations" in sys.modules, os.environ["NO_ALBUMENTATIONS_UPDATE"])
"""
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]
