"""Stacks of ours, read back against tifffile, and told apart from anybody else's."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files import rgby, stack_tiff

PICTURE = cv2.resize(np.random.default_rng(2).integers(0, 256, (9, 7, 4), dtype=np.uint8), (701, 903))
KINDS = {
    "deflate": tifffile.COMPRESSION.ADOBE_DEFLATE,
    "zstd": tifffile.COMPRESSION.ZSTD,
    "none": tifffile.COMPRESSION.NONE,
}


@pytest.mark.parametrize("compression", KINDS)
def test_every_compression_gives_the_pixels_back(tmp_path: Path, compression: stack_tiff.Compression) -> None:
    path = tmp_path / "a.tif"
    rgby.write(path, PICTURE, "a", compression)
    planes = stack_tiff.read(path)
    assert planes is not None
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages[0].compression == KINDS[compression]
        assert tiff.series[0].axes == "CYX"
        np.testing.assert_array_equal(planes, tiff.asarray())
    np.testing.assert_array_equal(planes, PICTURE.transpose(2, 0, 1))
    np.testing.assert_array_equal(rgby.read({rgby.STACK: path}), PICTURE)
    content = path.read_bytes()
    rgby.write(path, PICTURE, "a", compression)
    assert path.read_bytes() == content


def test_the_compression_is_no_part_of_the_identity(tmp_path: Path) -> None:
    for compression in KINDS:
        rgby.write(tmp_path / f"{compression}.tif", PICTURE, "a", compression)
    assert len({rgby.content_uuid(tmp_path / f"{compression}.tif") for compression in KINDS}) == 1


@pytest.mark.parametrize("compression", KINDS)
def test_damage_is_named(tmp_path: Path, compression: stack_tiff.Compression) -> None:
    path = tmp_path / "a.tif"
    rgby.write(path, PICTURE, "a", compression)
    whole = path.read_bytes()
    for size in (0, 3, 6, 20, len(whole) // 3, len(whole) - 2000):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"a\.tif cannot be read"):
            rgby.read({rgby.STACK: path})
    with pytest.raises(InputError, match="does not exist"):
        rgby.read({rgby.STACK: tmp_path / "b.tif"})


@pytest.mark.parametrize("way", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"software": "hpa_litmus"}])
def test_files_of_others_are_left_to_tifffile(tmp_path: Path, way: dict) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PICTURE.transpose(2, 0, 1), photometric="minisblack", **way)
    assert stack_tiff.read(path) is None
    np.testing.assert_array_equal(rgby.read({rgby.STACK: path}), PICTURE)
