"""Every format that people bring, the bits rule, and damage."""

import gzip
import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby

PICTURE = cv2.resize(
    np.random.default_rng(1).integers(0, 256, (9, 7, 4), dtype=np.uint8), (70, 90), interpolation=cv2.INTER_LINEAR
)
WIDE = (PICTURE.astype(np.uint16) << 8) | PICTURE  # the 16-bit picture that becomes PICTURE
TIFF_WAYS = {
    "plain": {},
    "strips": {"rowsperstrip": 16},
    "tiles": {"tile": (32, 48)},
    "lzw": {"compression": "lzw", "predictor": True},
    "deflate tiles": {"compression": "zlib", "tile": (16, 16)},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "big": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "imagej": {"imagej": True},
    "ome": {"ome": True},
}


def planes_to(folder: Path, suffix: str, save) -> None:
    for channel, color in enumerate(rgby.COLORS):
        save(folder / f"a_b_{color}{suffix}", channel)


def only(folder: Path) -> rgby.ImageFiles:
    images = rgby.list_images(folder)
    assert list(images) == ["a_b"]
    return images["a_b"]


@pytest.mark.parametrize("picture", [PICTURE, WIDE], ids=["8bit", "16bit"])
@pytest.mark.parametrize("way", TIFF_WAYS)
def test_planes_as_tiff(tmp_path: Path, picture: np.ndarray, way: str) -> None:
    suffix = ".ome.tif" if way == "ome" else ".tif"
    planes_to(
        tmp_path,
        suffix,
        lambda path, c: tifffile.imwrite(path, picture[:, :, c], photometric="minisblack", **TIFF_WAYS[way]),
    )
    image = rgby.read(only(tmp_path))
    assert (image == PICTURE).all()
    assert image.flags.c_contiguous
    assert image.dtype == np.uint8
    assert rgby.size(only(tmp_path)["green"]) == (90, 70)


@pytest.mark.parametrize("picture", [PICTURE, WIDE], ids=["8bit", "16bit"])
def test_planes_as_zipped_tiff_and_png(tmp_path: Path, picture: np.ndarray) -> None:
    def zipped(path: Path, c: int) -> None:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, picture[:, :, c])
        path.write_bytes(gzip.compress(buffer.getvalue()))

    for suffix, save in ((".tif.gz", zipped), (".PNG", lambda path, c: Image.fromarray(picture[:, :, c]).save(path))):
        folder = tmp_path / suffix
        folder.mkdir()
        planes_to(folder, suffix, save)
        assert (rgby.read(only(folder)) == PICTURE).all()
        assert rgby.size(only(folder)["red"]) == (90, 70)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("suffix", [".tif", ".ome.tiff"])
def test_four_channels_in_one_file(tmp_path: Path, bits: int, channels_last: bool, suffix: str) -> None:
    picture = PICTURE if bits == 8 else WIDE
    stored = picture if channels_last else picture.transpose(2, 0, 1)
    axes = "YXS" if channels_last else "CYX"
    kind = "rgb" if channels_last else "minisblack"
    tifffile.imwrite(tmp_path / f"a_b{suffix}", stored, photometric=kind, metadata={"axes": axes}, ome="ome" in suffix)
    files = only(tmp_path)
    assert list(files) == [rgby.STACK]
    assert (rgby.read(files) == PICTURE).all()


@pytest.mark.parametrize("yellow", [0, 1])
def test_coloured_jpegs(tmp_path: Path, yellow: int) -> None:
    def save(path: Path, c: int) -> None:
        rgb = np.zeros((*PICTURE.shape[:2], 3), np.uint8)
        for channel in ([c], [c], [c], [0, 1])[c]:
            rgb[:, :, channel] = PICTURE[:, :, c] // (channel + 1 if c == 3 else 1)
        Image.fromarray(rgb).save(path, quality=95)

    planes_to(tmp_path, ".jpg", save)
    files = only(tmp_path)
    image = rgby.read(files, rgb_channels=(0, 1, 2, yellow))
    for channel, (color, of_rgb) in enumerate(zip(rgby.COLORS, (0, 1, 2, yellow), strict=True)):
        assert (image[:, :, channel] == np.asarray(Image.open(files[color]))[:, :, of_rgb]).all()
    assert np.abs(image[:, :, 3].astype(int) - PICTURE[:, :, 3] // (yellow + 1)).mean() < 10
    assert rgby.size(files["red"]) == (90, 70)


def test_palettes_and_transparency(tmp_path: Path) -> None:
    def save(path: Path, c: int) -> None:
        rgb = Image.fromarray(np.repeat(PICTURE[:, :, c : c + 1] // 64 * 64, 3, axis=2))
        (rgb.quantize(8) if c < 2 else rgb.convert("RGBA")).save(path)

    planes_to(tmp_path, ".png", save)
    assert (rgby.read(only(tmp_path)) == PICTURE // 64 * 64).all()


def test_depths() -> None:
    path = Path("x.tif")
    twelve = [np.array([[0, 8, 9, 4095]], np.uint16)] * 4
    assert rgby.to_uint8(twelve, "auto", path)[0].tolist() == [[0, 0, 1, 255]]  # 8 * 255 / 4095 = 0.498
    one_bright = [*twelve[:3], np.array([[4096, 128, 129, 65535]], np.uint16)]
    assert rgby.to_uint8(one_bright, "auto", path)[0].tolist() == [[0, 0, 0, 16]]  # one depth for all planes
    assert rgby.to_uint8(one_bright, "auto", path)[3].tolist() == [[16, 0, 1, 255]]
    assert rgby.to_uint8(twelve, 16, path)[0].tolist() == [[0, 0, 0, 16]]
    eight = [np.array([[0, 255]], np.uint16)] * 4
    assert rgby.to_uint8(eight, 8, path)[0].tolist() == [[0, 255]]
    with pytest.raises(InputError, match=r"x\.tif: a pixel of 4095 does not fit in 8 bits"):
        rgby.to_uint8(twelve, 8, path)
    for wrong in (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.int16)):
        with pytest.raises(InputError, match="8-bit"):
            rgby.to_uint8([wrong] * 4, "auto", path)


def test_every_16_bit_value_is_rounded_to_the_nearest() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(values.astype(np.float64) * 255 / 65535 + 0.5)
    assert (rgby.to_uint8([values] * 4, 16, Path("x"))[2] == expected).all()


def test_names_say_what_a_file_is(tmp_path: Path) -> None:
    for name in (
        "a_1_red.png",
        "a_1_red.tif",
        "a_1_Green.jpeg",
        "b.ome.tif",
        ".c_red.png",
        "d_red.txt",
        "e.png",
        "_red.png",
    ):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    images = rgby.list_images(tmp_path)
    assert {i: {key: path.name for key, path in files.items()} for i, files in images.items()} == {
        "a_1": {"green": "a_1_Green.jpeg", "red": "a_1_red.tif"},
        "b": {rgby.STACK: "b.ome.tif"},
    }
    assert rgby.missing_planes(images["a_1"]) == ["blue", "yellow"]
    assert rgby.list_images(tmp_path, (".png", ".tif"))["a_1"]["red"].name == "a_1_red.png"
    with pytest.raises(InputError, match="a_1: no blue and no yellow plane"):
        rgby.read(images["a_1"])
    with pytest.raises(InputError, match="no image folder"):
        rgby.list_images(tmp_path / "elsewhere")


def test_damage_is_named(tmp_path: Path) -> None:
    suffixes = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}
    for suffix, kind in suffixes.items():
        whole = io.BytesIO()
        Image.fromarray(PICTURE[:, :, 0]).save(whole, kind)
        for content in (whole.getvalue()[:-40], b"", b"no picture at all", whole.getvalue()[:20]):
            path = tmp_path / f"a_red{suffix}"
            path.write_bytes(content)
            for look in (rgby.size, lambda p: rgby.read_plane(p, 0)):
                with pytest.raises(InputError, match=f"a_red{suffix}"):
                    look(path)
    path = tmp_path / "a_red.png"
    Image.fromarray(np.random.default_rng(0).integers(70, 130, (40, 40)).astype(np.uint8)).save(path)
    content = path.read_bytes()
    half = (len(content) - 16) // 2
    path.write_bytes(content[:half] + bytes(len(content) - 16 - half) + content[-16:])  # it decodes, to other pixels
    with pytest.raises(InputError, match=r"a_red\.png"):
        rgby.read_plane(path, 0)
    path = tmp_path / "a_red.tif.gz"
    path.write_bytes(gzip.compress(whole.getvalue())[:-30])
    for look in (rgby.size, lambda p: rgby.read_plane(p, 0)):
        with pytest.raises(InputError, match="cannot be read"):
            look(path)
    with pytest.raises(InputError, match="does not exist"):
        rgby.read_plane(tmp_path / "b_red.tif", 0)


def test_planes_of_different_sizes_are_named(tmp_path: Path) -> None:
    planes_to(tmp_path, ".png", lambda path, c: Image.fromarray(PICTURE[c:, :, c]).save(path))
    with pytest.raises(InputError, match=r"a_b: its planes differ in size: a_b_red.png 90 x 70, a_b_green.png 89 x 70"):
        rgby.read(only(tmp_path))


@pytest.mark.parametrize("picture", [PICTURE, WIDE], ids=["8bit", "16bit"])
@pytest.mark.parametrize("axes", ["CYX", "YXS", "RGB of ImageJ"])
def test_a_file_of_three_channels_is_red_green_blue(tmp_path: Path, picture: np.ndarray, axes: str) -> None:
    three = picture[:, :, :3]
    if axes == "CYX":
        tifffile.imwrite(tmp_path / "a.tif", three.transpose(2, 0, 1), photometric="minisblack")
    else:
        tifffile.imwrite(tmp_path / "a.tif", three, photometric="rgb", imagej="ImageJ" in axes and three.itemsize == 1)
    files = rgby.list_images(tmp_path)["a"]
    assert rgby.header(files).colors == rgby.COLORS[:3]
    assert (rgby.read(files, channels="rgb") == PICTURE[:, :, :3]).all()
    zero = rgby.read(files, missing="zero")
    assert (zero[:, :, :3] == PICTURE[:, :, :3]).all()
    assert zero[:, :, 3].max() == 0
    assert rgby.header(files, rgby.COLORS[:3]).size == (90, 70)
    for look in (rgby.read, lambda files: rgby.header(files, rgby.COLORS)):
        with pytest.raises(InputError, match=r"expected four channels, or three for a model of data\.channels=rgb"):
            look(files)


def test_three_channels_of_a_file_or_of_planes_with_four(tmp_path: Path) -> None:
    rgby.write(tmp_path / "a.tif", PICTURE, "a")
    planes_to(tmp_path, ".png", lambda path, c: Image.fromarray(PICTURE[:, :, c]).save(path))
    (tmp_path / "a_b_yellow.png").write_bytes(b"not looked at")
    for files in rgby.list_images(tmp_path).values():
        image = rgby.read(files, channels="rgb")
        assert (image == PICTURE[:, :, :3]).all()
        assert image.flags.c_contiguous
    assert rgby.header({rgby.STACK: tmp_path / "a.tif"}) == rgby.Header((90, 70), rgby.COLORS)
    with pytest.raises(InputError, match=r"data\.channels=gbr: choose rgby or rgb"):
        rgby.read(files, channels="gbr")


def test_missing_planes_become_zeros_where_that_is_asked_for(tmp_path: Path) -> None:
    planes_to(tmp_path, ".tif", lambda path, c: tifffile.imwrite(path, WIDE[:, :, c]))
    for color in ("red", "yellow"):
        (tmp_path / f"a_b_{color}.tif").unlink()
    files = only(tmp_path)
    assert rgby.missing_planes(files) == ["red", "yellow"]
    assert rgby.missing_planes(files, "rgb") == ["red"]
    expected = PICTURE.copy()
    expected[:, :, [0, 3]] = 0
    assert (rgby.read(files, missing="zero") == expected).all()
    assert (rgby.read(files, channels="rgb", missing="zero") == expected[:, :, :3]).all()
    del files["green"]
    with pytest.raises(InputError, match="a_b: no red and no green and no yellow plane"):
        rgby.read(files, missing="zero")


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x" / "a.tif"
    rgby.write(path, PICTURE, "a")
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "CYX"
        assert tiff.series[0].shape == (4, 90, 70)
        assert tiff.pages[0].compression == tifffile.COMPRESSION.PACKBITS
        assert [f'Name="{color}"' in tiff.ome_metadata for color in rgby.COLORS] == [True] * 4
    assert rgby.size(path) == (90, 70)
    with Image.open(path) as opened:  # a reader that is not ours
        assert (np.asarray(opened) == PICTURE[:, :, 0]).all()
    content = path.read_bytes()
    rgby.write(path, PICTURE, "a")
    assert path.read_bytes() == content  # no clock and no chance in it
    assert [p.name for p in path.parent.iterdir()] == ["a.tif"]


def test_the_uuid_is_that_of_id_and_pixels(tmp_path: Path) -> None:
    other = PICTURE.copy()
    other[45, 35, 2] ^= 1
    uuids = []
    for picture, name in ((PICTURE, "a"), (PICTURE, "a"), (other, "a"), (PICTURE, "b")):
        rgby.write(tmp_path / "a.tif", picture, name)
        uuids.append(rgby.content_uuid(tmp_path / "a.tif"))
    assert uuids[0] == uuids[1]
    assert len(set(uuids)) == 3
    tifffile.imwrite(tmp_path / "b.tif", PICTURE[:, :, 0])
    with pytest.raises(InputError, match="was not written by hpa_lit"):
        rgby.content_uuid(tmp_path / "b.tif")


def test_real_fields(shared: Path) -> None:
    images = rgby.list_images(shared / "data" / "fields")
    assert {"800_A6_1", "89_B5_1"} <= images.keys()
    for files in images.values():
        image = rgby.read(files)
        assert image.shape[:2] == rgby.size(files["blue"])
        green = np.asarray(Image.open(files["green"]))
        assert (image[:, :, 1] == (green[:, :, 1] if green.ndim == 3 else green)).all()


def test_planes_that_only_the_metadata_knows_are_no_zeros(tmp_path: Path) -> None:
    """tifffile alone fills them in, with a line in its log."""
    path = tmp_path / "a.ome.tif"
    planes = np.ascontiguousarray(PICTURE.transpose(2, 0, 1))
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata={"axes": "CYX"}, compression="lzw")
    content = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        last, before = tiff.pages[3].offset, tiff.pages[2].offset
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()
    end = content.index(last.to_bytes(4, "little"), before)  # of the third header, which leads to the fourth
    path.write_bytes(content[:end] + bytes(4) + content[end + 4 :])
    assert not tifffile.imread(path)[3].any()
    for look in (rgby.read, lambda files: rgby.header(files, rgby.COLORS)):
        with pytest.raises(InputError, match=r"a\.ome\.tif lacks planes, or parts of planes, that its headers name"):
            look({rgby.STACK: path})


@pytest.mark.parametrize("tag", [273, 279])
def test_strips_without_a_place_are_no_zeros(tmp_path: Path, tag: int) -> None:
    path = tmp_path / "a_green.tif"
    tifffile.imwrite(path, PICTURE[:, :, 1], rowsperstrip=16, compression="lzw")
    with tifffile.TiffFile(path) as tiff:
        place, size = tiff.pages.first.tags[tag].valueoffset, {3: 2, 4: 4}[tiff.pages.first.tags[tag].dtype]
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    for look in (rgby.size, lambda p: rgby.read_plane(p, 0)):
        with pytest.raises(InputError, match=r"a_green\.tif lacks planes, or parts of planes"):
            look(path)


def test_a_picture_is_one_file_whatever_others_its_metadata_names(tmp_path: Path) -> None:
    """Bio-Formats writes channels into files of their own, each of which names all the others."""
    files, uuids = (
        {},
        {color: f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n, color in enumerate(rgby.COLORS)},
    )
    data = "".join(
        f'<TiffData FirstC="{n}" IFD="0" PlaneCount="1"><UUID FileName="a_{color}.ome.tif">{uuid}</UUID></TiffData>'
        for n, (color, uuid) in enumerate(uuids.items())
    )
    for channel, color in enumerate(rgby.COLORS):
        text = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuids[color]}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="70" SizeY="90" SizeC="4" SizeZ="1" '
            f'SizeT="1">{data}</Pixels></Image></OME>'
        )
        files[color] = tmp_path / f"a_{color}.ome.tif"
        tifffile.imwrite(files[color], PICTURE[:, :, channel], metadata=None, description=text)
    assert tifffile.imread(files["red"]).shape == (4, 90, 70)
    assert (rgby.read(files) == PICTURE).all()
    assert rgby.size(files["blue"]) == (90, 70)


def test_a_pipe_and_a_folder_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    (tmp_path / "b.tif").mkdir()
    for files in rgby.list_images(tmp_path).values():
        with pytest.raises(InputError, match=r"[ab]\.tif is no file"):
            rgby.read(files)


@pytest.mark.parametrize("name", [b"caf\xe9.tif", b"a\x1b[2Jb.tif", b"a\nb.tif"])
def test_names_that_cannot_be_printed_are_said_and_not_used(tmp_path: Path, name: bytes) -> None:
    rgby.write(tmp_path / "good.tif", PICTURE, "good")
    os.rename(tmp_path / "good.tif", os.fsencode(tmp_path) + b"/" + name)  # noqa: PTH104, of bytes
    rgby.write(tmp_path / "good.tif", PICTURE, "good")
    images = rgby.list_images(tmp_path)
    assert len(images) == 2
    (strange,) = images.keys() - {"good"}
    assert strange.isprintable()
    for look in (rgby.read, lambda files: rgby.size(files[rgby.STACK])):
        with pytest.raises(InputError, match="has a name that cannot be printed, or is no UTF-8: rename it") as error:
            look(images[strange])
        assert str(error.value).isprintable()
