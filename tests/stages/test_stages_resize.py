import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from small_atlas import EXTERNAL, TEST, TRAIN, field, save_planes

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.writing import UnwritableError
from hpa_lit.stages import resize, statistics
from hpa_lit.stages.failures import IncompleteError
from hpa_lit.stages.workers import Workers

HERE = Workers(count=1)
CONVERSION = resize.Conversion()


def prepared(tree: DataTree, image_set: str, size: int, name: str) -> np.ndarray:
    return rgby.read({rgby.STACK: tree.images(image_set, size) / f"{name}.tif"})


def test_pngs_keep_their_pixels_and_smaller_sizes_are_bilinear(tree: DataTree) -> None:
    resize.run(tree, ["train"], [512, 200], CONVERSION, HERE)
    for name in TRAIN[:3]:
        assert (prepared(tree, "train", 512, name) == field(name)).all()
        expected = cv2.resize(field(name)[:, :, 2], (200, 200), interpolation=cv2.INTER_LINEAR)
        assert (prepared(tree, "train", 200, name)[:, :, 2] == expected).all()
    assert len(list(tree.images("train", 200).iterdir())) == len(TRAIN)


def test_large_images_come_from_tiffs_and_512_from_pngs(tree: DataTree) -> None:
    large = {name: cv2.resize(field(name), (1024, 1024)) // 2 for name in TEST}
    for name, picture in large.items():
        for channel, color in enumerate(rgby.COLORS):
            tifffile.imwrite(tree.raw_images("test") / f"{name}_{color}.tif", picture[:, :, channel])
    resize.run(tree, ["test"], [512, 768], CONVERSION, HERE)
    assert (prepared(tree, "test", 512, "s02") == field("s02")).all()
    assert (prepared(tree, "test", 768, "s02") == cv2.resize(large["s02"], (768, 768))).all()


def test_coloured_jpegs_give_the_channel_that_was_asked_for(tree: DataTree) -> None:
    name = EXTERNAL[0]
    path = tree.raw_images("external") / f"{name}_yellow.jpg"
    rgb = np.asarray(Image.open(path)).copy()
    rgb[:, :, 1] //= 3
    path.unlink()
    Image.fromarray(rgb).save(path, quality=100, subsampling=0)
    decoded = np.asarray(Image.open(path))
    for channel in (0, 1):
        resize.make(
            (name, [resize.Target(rgby.list_images(tree.raw_images("external"))[name], 512, tree.root / "x.tif")]),
            resize.Conversion(rgb_channels=(0, 1, 2, channel)),
        )
        expected = cv2.resize(decoded[:, :, channel], (512, 512), interpolation=cv2.INTER_LINEAR)
        assert (rgby.read({rgby.STACK: tree.root / "x.tif"})[:, :, 3] == expected).all()


def test_damaged_pictures_are_listed_and_a_rerun_does_only_what_is_missing(
    tree: DataTree, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tree.raw_images("test")
    whole = (raw / "s02_green.png").read_bytes()
    (raw / "s02_green.png").unlink()
    (raw / "s02_green.png").write_bytes(whole[:-2000])
    (raw / "s04_blue.png").unlink()
    for color in rgby.COLORS:
        (raw / f"s05_{color}.png").unlink()
    with pytest.raises(IncompleteError, match="3 of 8 failed") as error:
        resize.run(tree, ["test"], [512], CONVERSION, HERE)
    assert "s02_green.png" in str(error.value)
    assert "s04: no blue plane" in str(error.value)
    assert "s05: no file in" in str(error.value)
    assert tree.failures("resize").read_text().splitlines()[0] == "name,reason"
    assert sorted(path.stem for path in tree.images("test", 512).iterdir()) == ["s00", "s01", "s03", "s06", "s07"]

    (tree.images("test", 512) / "s07.tif").unlink()
    kept = {path: path.stat().st_mtime_ns for path in tree.images("test", 512).iterdir()}
    for name in ("s02", "s04", "s05"):
        for color in rgby.COLORS:
            (raw / f"{name}_{color}.png").unlink(missing_ok=True)
        save_planes(raw, name, field(name))
    capsys.readouterr()
    resize.run(tree, ["test"], [512], CONVERSION, HERE)
    assert "8 images, 4 of them were to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not tree.failures("resize").exists()
    assert (prepared(tree, "test", 512, "s02") == field("s02")).all()


def test_upscaling_must_be_asked_for(tree: DataTree) -> None:
    with pytest.raises(IncompleteError, match=r"512 x 512, smaller than 768.*prepare.upscale=true"):
        resize.run(tree, ["test"], [512, 768], CONVERSION, HERE)
    assert len(list(tree.images("test", 512).iterdir())) == len(TEST)  # what can be made is made
    with pytest.raises(InputError, match="remove the folder"):
        resize.run(tree, ["test"], [512], resize.Conversion(upscale=True), HERE)
    resize.run(tree, ["test"], [768], resize.Conversion(upscale=True), HERE)
    assert (prepared(tree, "test", 768, "s00") == cv2.resize(field("s00"), (768, 768))).all()


def test_a_folder_holds_one_recipe(tree: DataTree) -> None:
    resize.run(tree, ["test"], [512], CONVERSION, HERE)
    with pytest.raises(InputError, match=r"images/512/test holds images that were made with"):
        resize.run(tree, ["test"], [512], resize.Conversion(rgb_channels=(0, 1, 2, 1)), HERE)


def test_leftovers_of_killed_runs_go(tree: DataTree) -> None:
    leftover = tree.images("test", 512) / ".4242.s01.tif"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    resize.run(tree, ["test"], [512], CONVERSION, HERE)
    assert not leftover.exists()


def test_two_processes_make_the_same_bytes_as_one(tree: DataTree) -> None:
    places = {}
    for count in (1, 2):
        resize.run(tree, ["external"], [512, 300], CONVERSION, Workers(count=count))
        for size in (512, 300):
            for path in tree.images("external", size).iterdir():
                assert places.setdefault((size, path.name), path.read_bytes()) == path.read_bytes()
                path.unlink()
    assert len(places) == 2 * len(EXTERNAL)


def test_statistics_by_hand(tree: DataTree, capsys: pytest.CaptureFixture[str]) -> None:
    resize.run(tree, ["train", "test"], [512], CONVERSION, HERE)
    statistics.run(tree, 512, None, CONVERSION, Workers(count=2), "error")
    stack = np.stack([field({"s06": "s01"}.get(name, name)) for name in TRAIN + TEST]) / 255
    kept = json.loads(tree.statistics(512).read_text())
    assert kept["images"] == len(TRAIN) + len(TEST)
    np.testing.assert_allclose(kept["mean"], stack.mean(axis=(1, 2)).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(kept["std"], stack.std(axis=(1, 2)).mean(axis=0), rtol=1e-12)
    assert "data.mean=[" + ",".join(f"{mean:.6f}" for mean in kept["mean"]) + "]" in capsys.readouterr().out


def test_statistics_of_any_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dark, bright = (np.full((6, 10, 4), value, np.uint16) for value in (0, 4095))
    dark[:3, :, 0] = 4095  # half of the red pixels
    for name, picture in (("a", dark), ("b", bright)):
        for channel, color in enumerate(rgby.COLORS):
            tifffile.imwrite(tmp_path / f"{name}_{color}.tif", picture[:, :, channel])
    statistics.run(DataTree(tmp_path / "none"), 512, tmp_path, CONVERSION, HERE, "error")
    assert "data.mean=[0.750000,0.500000,0.500000,0.500000] data.std=[0.250000,0.000000,0.000000,0.000000]" in (
        capsys.readouterr().out
    )
    (tmp_path / "b_yellow.tif").unlink()
    statistics.run(DataTree(tmp_path / "none"), 512, tmp_path, CONVERSION, HERE, "error", "rgb")
    assert "data.mean=[0.750000,0.500000,0.500000] data.std=[0.250000,0.000000,0.000000]" in capsys.readouterr().out
    (tmp_path / "b_red.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match="1 of 2 images cannot be read"):
        statistics.run(DataTree(tmp_path / "none"), 512, tmp_path, CONVERSION, HERE, "error")


def test_the_compression_is_a_choice_and_the_pixels_are_the_same(tree: DataTree) -> None:
    path = tree.images("test", 512) / f"{TEST[0]}.tif"
    found = []
    for compression in ("packbits", "deflate", "zstd", "none"):
        path.unlink(missing_ok=True)
        resize.run(tree, ["test"], [512], CONVERSION, HERE, compression)
        with tifffile.TiffFile(path) as tiff:
            found.append(tiff.pages[0].compression.name)
        assert (prepared(tree, "test", 512, TEST[0]) == field(TEST[0])).all()
    assert found == ["PACKBITS", "ADOBE_DEFLATE", "ZSTD", "NONE"]
    with pytest.raises(InputError, match=r"prepare.compression=lzw: choose packbits, deflate, zstd, none"):
        resize.run(tree, ["test"], [512], CONVERSION, HERE, "lzw")


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_takes_no_image_ends_it_at_the_first(tree: DataTree, workers: int) -> None:
    with pytest.raises(UnwritableError, match=r"images/512/train/.*\.tif cannot be written: File too large"):
        resize.run(tree, ["train"], [512], CONVERSION, Workers(count=workers))
    assert not tree.failures("resize").exists()
    assert not list(tree.images("train", 512).iterdir())
