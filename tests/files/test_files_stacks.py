"""What the channels and slices of a file are taken for: as names say, as a user says, or not at all."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from test_files_rgby import PICTURE, WIDE

from hpa_lit.errors import InputError
from hpa_lit.files import rgby

PLANES = np.ascontiguousarray(PICTURE.transpose(2, 0, 1))
STAINS = ["Microtubules", "GFP", "DAPI", "ER"]


def laid_out(path: Path, **layout) -> rgby.ImageFiles:
    return rgby.LaidOut({rgby.STACK: path}, rgby.Layout(**layout))


def ome(path: Path, planes: np.ndarray, names=None, axes="CYX", **metadata) -> Path:
    channel = {"Channel": {"Name": names}} if names else {}
    options = {"photometric": "minisblack", "metadata": {"axes": axes, **channel, **metadata}}
    tifffile.imwrite(path, planes, ome=True, compression="zlib", **options)
    return path


def stack_of(depth: int, dtype=np.uint16) -> np.ndarray:
    """Slices of four planes, (Z, C, H, W), whose brightest pixels lie in different slices."""
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, (depth, 4, 90, 70), dtype)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 1, 0, 3), (3, 2, 1, 0)])
def test_channels_are_taken_by_their_names(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = ome(tmp_path / "a.ome.tif", PLANES[list(order)], [STAINS[place] for place in order])
    files = {rgby.STACK: path}
    assert (rgby.read(files) == PICTURE).all()
    assert (rgby.read(files, channels="rgb") == PICTURE[:, :, :3]).all()
    header = rgby.header(files, rgby.COLORS)
    assert header.taken == "Microtubules as red, GFP as green, DAPI as blue, ER as yellow"
    assert header.colors == rgby.COLORS


@pytest.mark.parametrize("names", [["Channel:0:0", "Channel:0:1", "", "C4"], None])
def test_names_that_say_nothing_leave_the_order(tmp_path: Path, names) -> None:
    files = {rgby.STACK: ome(tmp_path / "a.ome.tif", PLANES, names)}
    assert (rgby.read(files) == PICTURE).all()
    assert rgby.header(files).taken == (
        "its channels in their order as red, green, blue, yellow, since nothing names them"
    )


def test_what_we_write_says_its_planes_itself(tmp_path: Path) -> None:
    for compression in ("none", "packbits"):
        rgby.write(tmp_path / "a.tif", PICTURE, "a", compression)
        assert rgby.header({rgby.STACK: tmp_path / "a.tif"}).taken == ""


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["DAPI", "TRITC", "Cy5", "GFP"], "planes={red:TRITC,green:GFP,blue:DAPI,yellow:Cy5}"),
        (["Alexa 488", "Cy3", "405", "Far Red"], "planes={red:Cy3,green:'Alexa 488',blue:405,yellow:'Far Red'}"),
        (["DAPI", "Hoechst", "GFP", "tubulin"], "has the channels DAPI, Hoechst, GFP, tubulin, which do not say"),
        (["one", "two", "three", "four"], "planes={red:WORD,green:WORD,blue:WORD,yellow:WORD}"),
        (["DAPI", "", "", ""], "has the channels DAPI, without a name, "),
    ],
)  # fmt: skip
def test_names_that_are_not_clear_are_asked_about(tmp_path: Path, names: list[str], sentence: str) -> None:
    files = {rgby.STACK: ome(tmp_path / "a.ome.tif", PLANES, names)}
    for look in (rgby.read, rgby.header):
        with pytest.raises(InputError, match="which do not say which is which") as error:
            look(files)
        assert sentence in str(error.value)
        assert "planes={" in str(error.value)


def test_a_user_says_which_channel_is_which(tmp_path: Path) -> None:
    order = [2, 3, 0, 1]
    path = ome(tmp_path / "a.ome.tif", PLANES[order], ["DAPI", "Cy5", "TRITC", "FITC"])
    by_name = (("red", "tritc"), ("green", "FITC"), ("blue", "DAPI"), ("yellow", "Cy5"))
    by_number = tuple((color, order.index(place)) for place, color in enumerate(rgby.COLORS))
    for planes in (by_name, by_number):
        files = laid_out(path, planes=planes)
        assert (rgby.read(files) == PICTURE).all()
        assert rgby.header(files).taken == "TRITC as red, FITC as green, DAPI as blue, Cy5 as yellow"
    with pytest.raises(InputError, match=r"planes\.red=Cy7: .*a\.ome\.tif has the channels DAPI, Cy5, TRITC, FITC"):
        rgby.read(laid_out(path, planes=(("red", "Cy7"),)))
    with pytest.raises(InputError, match="no yellow plane among its channels, DAPI, Cy5, TRITC, FITC"):
        rgby.read(laid_out(path, planes=by_name[:3]))
    zeros = rgby.read(laid_out(path, planes=by_name[:3]), missing="zero")
    assert (zeros[:, :, :3] == PICTURE[:, :, :3]).all()
    assert not zeros[:, :, 3].any()


def test_some_of_many_channels(tmp_path: Path) -> None:
    more = np.concatenate([PLANES, PLANES[:2] // 2])
    path = ome(tmp_path / "a.ome.tif", more, [*STAINS, "brightfield", "phase"])
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()
    path = ome(tmp_path / "b.ome.tif", more)
    with pytest.raises(InputError, match=r"has shape \(6, 90, 70\): expected four channels"):
        rgby.read({rgby.STACK: path})
    assert (rgby.read(laid_out(path, planes=tuple(zip(rgby.COLORS, range(4), strict=True)))) == PICTURE).all()
    with pytest.raises(InputError, match=r"planes\.red=6: .*without a name, by number 0 to 5"):
        rgby.read(laid_out(path, planes=(("red", 6),)))


@pytest.mark.parametrize("way", ["ome", "imagej"])
def test_z_stacks_are_refused_or_taken_as_said(tmp_path: Path, way: str) -> None:
    stack, path = stack_of(5), tmp_path / "a.tif"
    if way == "ome":
        path = ome(tmp_path / "a.ome.tif", stack, STAINS, "ZCYX")
    else:
        tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZCYX"})
    for look in (rgby.read, rgby.header):
        with pytest.raises(InputError, match=r"is a Z stack of 5 slices: z=max takes .*, z=NUMBER one slice, 0 to 4"):
            look({rgby.STACK: path})
    brightest = laid_out(path, z="max")
    for color, plane in rgby.read_planes(brightest).items():
        np.testing.assert_array_equal(plane, stack[:, rgby.COLORS.index(color)].max(axis=0))
    assert rgby.header(brightest).taken.endswith("the brightest of 5 slices")
    assert (rgby.read_planes(laid_out(path, z=3))["blue"] == stack[3, 2]).all()
    assert rgby.header(laid_out(path, z=3)).taken.endswith("slice 3 of 5")
    with pytest.raises(InputError, match=r"z=5: .*is a Z stack of 5 slices"):
        rgby.read(laid_out(path, z=5))


def test_four_slices_are_no_four_channels(tmp_path: Path) -> None:
    for way in ({"imagej": True}, {"ome": True}, {"photometric": "minisblack"}):
        tifffile.imwrite(tmp_path / "a.tif", PLANES, metadata={"axes": "ZYX"}, **way)
        for look in (rgby.read, rgby.header):
            with pytest.raises(InputError, match="is a Z stack of 4 slices"):
                look({rgby.STACK: tmp_path / "a.tif"})
        with pytest.raises(InputError, match=r"has shape \(4, 90, 70\): expected"):
            rgby.read(laid_out(tmp_path / "a.tif", z="max"))


@pytest.mark.parametrize("way", [{"imagej": True, "metadata": {"axes": "ZYX"}}, {"metadata": None}])
def test_slices_of_single_planes(tmp_path: Path, way) -> None:
    stack, files = stack_of(6), {}
    for channel, color in enumerate(rgby.COLORS):
        files[color] = tmp_path / f"a_{color}.tif"
        tifffile.imwrite(files[color], stack[:, channel], photometric="minisblack", **way)
    for look in (rgby.read, rgby.header):
        with pytest.raises(InputError, match=r"a_red\.tif is a Z stack of 6 slices: z=max"):
            look(files)
    planes = rgby.read_planes(rgby.LaidOut(files, rgby.Layout(z="max")))
    np.testing.assert_array_equal(np.stack(list(planes.values())), stack.max(axis=0))
    assert rgby.header(rgby.LaidOut(files, rgby.Layout(z=2))).taken == "slice 2 of 6"


def test_many_slices_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_of(5)
    path = ome(tmp_path / "a.ome.tif", stack, STAINS, "ZCYX")
    tifffile.imwrite(tmp_path / "b.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    monkeypatch.setattr("hpa_lit.files.rgby.tiff.MOST_PIXELS", 90 * 70)  # a stack is more than the planes of one image
    for file in (path, tmp_path / "b.tif"):
        planes = rgby.read_planes(laid_out(file, z="max"))
        np.testing.assert_array_equal(np.stack(list(planes.values())), stack.max(axis=0))


def test_times_and_other_axes_are_refused(tmp_path: Path) -> None:
    ome(tmp_path / "t.ome.tif", PLANES, axes="TYX")
    with pytest.raises(InputError, match=r"t\.ome\.tif shows 4 times: save the one that is meant"):
        rgby.read({rgby.STACK: tmp_path / "t.ome.tif"})
    colored = np.stack([PICTURE[:, :, :3]] * 4)
    tifffile.imwrite(tmp_path / "c.tif", colored, photometric="rgb")
    with pytest.raises(InputError, match=r"c\.tif has the axes QYXS, 4 x 90 x 70 x 3: save channels and slices alone"):
        rgby.read({rgby.STACK: tmp_path / "c.tif"})


def test_files_of_several_images_say_which_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for picture in (PLANES, PLANES // 2):
            writer.write(picture, photometric="minisblack", metadata={"axes": "CYX", "Channel": {"Name": STAINS}})
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()
    assert rgby.header({rgby.STACK: path}).taken.endswith("; the first of 2 images in the file")


def test_labels_of_imagej_count_where_they_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANES[::-1], imagej=True, metadata={"axes": "CYX", "Labels": STAINS[::-1]})
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()
    titles = ["a.tif", "b.tif", "c.tif", "d.tif"]
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "CYX", "Labels": titles})
    assert (rgby.read({rgby.STACK: path}) == PICTURE).all()


@pytest.mark.parametrize("unit", ["µm", "nm", "mm"])
def test_the_size_of_a_pixel_is_read(tmp_path: Path, unit: str) -> None:
    size = {"µm": 0.2, "nm": 200, "mm": 0.0002}[unit]
    path = ome(tmp_path / "a.ome.tif", PLANES, STAINS, PhysicalSizeX=size, PhysicalSizeXUnit=unit)
    assert rgby.header({rgby.STACK: path}).pixel_size == pytest.approx(0.2)
    tifffile.imwrite(path, PLANES, imagej=True, resolution=(5, 5), metadata={"axes": "CYX", "unit": "micron"})
    assert rgby.header({rgby.STACK: path}).pixel_size == pytest.approx(0.2)
    tifffile.imwrite(path, PLANES, photometric="minisblack", resolution=(72, 72))
    assert rgby.header({rgby.STACK: path}).pixel_size is None


@pytest.mark.parametrize("picture", [PICTURE, WIDE], ids=["8bit", "16bit"])
def test_a_field_is_cut_from_the_middle_or_filled_up(tmp_path: Path, picture: np.ndarray) -> None:
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    path = ome(tmp_path / "a.ome.tif", planes, STAINS, PhysicalSizeX=0.2)
    for pixel_size in (0.2, "auto"):
        small = rgby.read(laid_out(path, pixel_size=pixel_size, field=10.0))
        assert (small == PICTURE[20:70, 10:60]).all()
        large = rgby.read(laid_out(path, pixel_size=pixel_size, field=16.0))
        assert large.shape == (80, 80, 4)
        assert (large[:, 5:75] == PICTURE[5:85]).all()
        assert not large[:, :5].any()
        assert not large[:, 75:].any()
    with pytest.raises(InputError, match=r"pixel_size=1e-05: the field .* 1000000 x 1000000 pixels"):
        rgby.read(laid_out(path, pixel_size=1e-5, field=10.0))
    ome(path, planes, STAINS)
    with pytest.raises(InputError, match=r"a\.ome\.tif does not say its pixel size: set pixel_size=NUMBER"):
        rgby.read(laid_out(path, pixel_size="auto", field=10.0))
