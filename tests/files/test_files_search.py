"""Folders of files that others named: which are the planes of an image, and what is said of it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from test_files_rgby import PICTURE

from hpa_lit.errors import InputError
from hpa_lit.files import rgby

ORDER = (2, 1, 0, 3)  # the place among the colors of what channel 0, 1, ... shows
IDS = ["plate1_A1", "plate1_B-2"]
# How programs name the channels of an image, and what says which is which.
NAMINGS = {
    "leica": ("{id}_ch0{n}.tif", {"red": "ch02", "green": 1, "blue": "0", "yellow": "ch03"}),
    "imagej": ("C{m}-{id}.tif", {"red": "C3", "green": "c2", "blue": "C1", "yellow": "C4"}),
    "zeiss": ("{id}_c{m}_ORG.tif", {"red": 3, "green": 2, "blue": 1, "yellow": 4}),
    "metamorph": ("{id}_w{m}{dye}_s1.tif", {"red": "TRITC", "green": "GFP", "blue": "w1", "yellow": "Cy5"}),
    "operetta": ("r01c0{row}f01p01-ch{m}sk1fk1fl1.tiff", {"red": "ch3", "green": 2, "blue": "1", "yellow": "ch4"}),
    "cellvoyager": ("p_A01_T0001F00{row}L01A0{m}Z01C0{m}.tif", {"red": 3, "green": 2, "blue": 1, "yellow": 4}),
    "stains": ("{id}_{stain}.png", None),
}  # fmt: skip


def name_files(folder: Path, form: str) -> None:
    """Two pictures under the names of others, the second turned upside down."""
    for row, image_id in enumerate(IDS):
        for channel, place in enumerate(ORDER):
            words = {"dye": ("DAPI", "GFP", "TRITC", "Cy5"), "stain": ("DAPI", "GFP", "tubulin", "ER")}
            chosen = {word: names[channel] for word, names in words.items()}
            path = folder / form.format(
                id=image_id, n=channel, m=channel + 1, row=row, color=rgby.COLORS[place], **chosen
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(PICTURE[:: 1 - 2 * row, :, place]).save(path)


def assert_both_are_there(found: rgby.Found) -> None:
    assert len(found.images) == 2
    for row, files in enumerate(found.images.values()):
        assert (rgby.read(files) == PICTURE[:: 1 - 2 * row]).all()


@pytest.mark.parametrize("name", NAMINGS)
def test_names_of_known_programs(tmp_path: Path, name: str) -> None:
    form, planes = NAMINGS[name]
    name_files(tmp_path, form)
    layout = rgby.Layout(tuple((planes or {}).items()))
    for naming in (None, name):
        found = rgby.search(tmp_path, naming, layout)
        assert_both_are_there(found)
        assert found.said[0].startswith(f"8 files are taken by naming={name}, such as ")
        assert " as red, " in found.said[0]
    if planes:
        with pytest.raises(InputError, match=f"by naming={name}, has the channels .* which do not say .*planes=.red:"):
            rgby.search(tmp_path)
        with pytest.raises(InputError, match=f"planes.red=9: .* by naming={name}, has the channels"):
            rgby.search(tmp_path, layout=rgby.Layout((("red", 9),)))
    else:
        assert list(found.images) == IDS


@pytest.mark.parametrize(
    ("form", "naming"),
    [
        ("{id}.{stain}.png", "{id}.{channel}"),
        ("{stain}/{id}.tif", "{channel}/{id}"),
        ("{id}/{color}.png", "{id}/{channel}"),
        ("week 1/{id}_{color}.png", "*/{id}_{channel}"),
        ("{id}-z0-{stain}-x.png", "{id}-z*-{channel}-x"),
    ],
)
def test_patterns_of_a_user(tmp_path: Path, form: str, naming: str) -> None:
    name_files(tmp_path, form)
    assert_both_are_there(rgby.search(tmp_path, naming))
    assert list(rgby.search(tmp_path, naming).images) == IDS
    with pytest.raises(InputError, match="there is no image in"):
        rgby.search(tmp_path)


@pytest.mark.parametrize("naming", ["lei", "{id", "{Id}_{channel}", "{id}_{id}", "x_{channel}"])
def test_patterns_that_are_none(tmp_path: Path, naming: str) -> None:
    with pytest.raises(
        InputError, match=r"choose hpa, cells, imagej, leica.* or write a pattern .* has \{id\} and \{channel\}"
    ):
        rgby.search(tmp_path, naming)


def test_a_naming_that_fits_nothing_or_not_all(tmp_path: Path) -> None:
    name_files(tmp_path, "{id}_{stain}.png")
    with pytest.raises(InputError, match=r"naming=leica fits no file of .*plate1_A1_DAPI\.png, .*, \.\.\."):
        rgby.search(tmp_path, "leica")
    Image.fromarray(PICTURE[:, :, 0]).save(tmp_path / "overview.png")
    assert_both_are_there(rgby.search(tmp_path, "stains"))
    said = rgby.search(tmp_path, "stains").said
    assert said[1:] == ["1 file is left out, since its name says no plane: overview.png"]
    with pytest.raises(InputError, match=r"there is no image .*; overview\.png does not say its plane: naming="):
        rgby.search(tmp_path)


def test_our_own_names_come_first(tmp_path: Path) -> None:
    name_files(tmp_path, "{id}_{color}.png")
    found = rgby.search(tmp_path)
    assert_both_are_there(found)
    assert (found.images, found.said) == (rgby.list_images(tmp_path), [])
    Image.fromarray(PICTURE[:, :, 0]).save(tmp_path / "overview.png")
    assert rgby.search(tmp_path).said == ["1 file is left out, since its name says no plane: overview.png"]
    said = rgby.search(tmp_path, layout=rgby.Layout((("red", "C1"),))).said
    assert said[-1] == "planes is not looked at: the names of all files say their planes themselves"


def test_stacks_whose_ids_look_like_channels_are_stacks(tmp_path: Path) -> None:
    for number in range(1, 5):
        rgby.write(tmp_path / f"well_c{number}.tif", PICTURE, "a")
    assert list(rgby.search(tmp_path).images) == ["well_c1", "well_c2", "well_c3", "well_c4"]
    (tmp_path / "deep" / "a").mkdir(parents=True)
    rgby.write(tmp_path / "deep" / "a" / "b.tif", PICTURE, "b")
    assert list(rgby.search(tmp_path / "deep", "*/{id}").images) == ["b"]


def test_one_plane_in_two_folders_is_refused(tmp_path: Path) -> None:
    name_files(tmp_path, "one/{id}_{color}.png")
    name_files(tmp_path, "two/{id}_{color}.png")
    with pytest.raises(InputError, match=r"would both be the blue plane of plate1_A1: rename one"):
        rgby.search(tmp_path, "*/{id}_{channel}")


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        (
            "{id}/{color}.png",
            r"such as plate1_A1/blue\.png: give one of these as images, or .* naming='{id}/{channel}'",
        ),
        ("x/{id}_{color}.png", r"such as x/plate1_A1_blue\.png: .* naming='\*/{id}_{channel}'"),
    ],
)
def test_pictures_in_folders_are_pointed_at(tmp_path: Path, form: str, advice: str) -> None:
    name_files(tmp_path, form)
    with pytest.raises(InputError, match=advice):
        rgby.search(tmp_path)


def test_coloured_pictures_are_no_planes(tmp_path: Path) -> None:
    Image.fromarray(PICTURE[:, :, :3]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"; a\.png is a coloured picture, in which planes are mixed: export each"):
        rgby.search(tmp_path)


def test_slices_of_planes_of_others(tmp_path: Path) -> None:
    slices = np.random.default_rng(0).integers(0, 255, (3, 90, 70), np.uint8)
    for stain in ("DAPI", "GFP", "tubulin", "ER"):
        tifffile.imwrite(tmp_path / f"a_{stain}.tif", slices, imagej=True, metadata={"axes": "ZYX"})
    (files,) = rgby.search(tmp_path, layout=rgby.Layout(z="max")).images.values()
    assert (rgby.read(files)[:, :, 3] == slices.max(axis=0)).all()


def test_real_fields_under_other_names(shared: Path, tmp_path: Path) -> None:
    stains = dict(zip(rgby.COLORS, ("tubulin", "GFP", "DAPI", "ER"), strict=True))
    given = rgby.list_images(shared / "data" / "fields")
    for image_id, files in given.items():
        for color, path in files.items():
            (tmp_path / f"{image_id}_{stains[color]}{path.suffix}").symlink_to(path)
    found = rgby.search(tmp_path).images
    assert found.keys() == given.keys()
    for image_id, files in given.items():
        assert (rgby.read(found[image_id]) == rgby.read(files)).all()
