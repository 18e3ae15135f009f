"""Stacks of ours, read back against tifffile, and told apart from anybody else's."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import tifffile

from hpa_lit.errors import InputError
from hpa_lit.files import rgby, stack_tiff

PICTURE = cv2.resize(np.random.default_rng(2).integers(0, 256, (9, 7, 4), dtype=np.uint8), (701, 903))
UUID = "11111111-2222-5333-8444-555555555555"
KINDS = {
    "packbits": tifffile.COMPRESSION.PACKBITS,
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


@pytest.mark.parametrize("way", [{"compression": "zlib", "predictor": True}, {"compression": "zstd"}, {}])
def test_a_store_of_before_is_read(tmp_path: Path, way: dict) -> None:
    """Before, Deflate came with a predictor, and there was one description."""
    path = tmp_path / "a.tif"
    planes = np.ascontiguousarray(PICTURE.transpose(2, 0, 1))
    metadata = {"axes": "CYX", "Name": "a", "Channel": {"Name": list(rgby.COLORS)}, "UUID": UUID}
    tifffile.imwrite(
        path,
        planes,
        ome=True,
        photometric="minisblack",
        rowsperstrip=planes.shape[1],
        software="hpa_lit",
        metadata=metadata,
        **way,
    )
    np.testing.assert_array_equal(stack_tiff.read(path), planes)
    np.testing.assert_array_equal(rgby.read({rgby.STACK: path}), PICTURE)
    assert rgby.content_uuid(path) == UUID


@pytest.mark.parametrize("compression", KINDS)
def test_both_descriptions_name_and_colour_the_channels(tmp_path: Path, compression: stack_tiff.Compression) -> None:
    """That programs take them so, test_files_store_opens tries."""
    rgby.write(tmp_path / "a.tif", PICTURE, "Zelle ü", compression)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.series[0].kind == "ome"
        assert tiff.series[0].name == "Zelle ü"
        channels = ElementTree.fromstring(tiff.ome_metadata).findall(".//{*}Channel")
        imagej = tiff.imagej_metadata
    colors = [int(channel.get("Color")) % 2**32 for channel in channels]  # RGBA
    assert [channel.get("Name") for channel in channels] == ["red", "green", "blue", "yellow"]
    assert colors == [0xFF0000FF, 0x00FF00FF, 0x0000FFFF, 0xFFFF00FF]
    assert imagej["Labels"] == ["red", "green", "blue", "yellow"]
    assert (imagej["channels"], imagej["mode"]) == (4, "composite")
    assert [lut[:, 7].tolist() for lut in imagej["LUTs"]] == [[7, 0, 0], [0, 7, 0], [0, 0, 7], [7, 7, 0]]


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
