"""The command check, on drawn pictures with planted faults and on a small prepared atlas."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hpa_lit import check
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.labels import encode_all
from hpa_lit.stages import tables
from hpa_lit.stages.folds import split
from hpa_lit.synthetic import draw_field

IDS = [f"i{number:02}" for number in range(20)]


def picture(number, side=128):
    """A drawn field, exposed for half as long: some cameras of drawn fields overexpose, which is not what is tested."""
    return draw_field([(0, 25)[number % 2]], side, np.random.default_rng([3, number])) // 2


def save(folder, image_id, planes):
    """Write four PNGs; planes of uint8 or uint16."""
    for color, plane in zip(rgby.COLORS, np.moveaxis(planes, 2, 0), strict=True):
        Image.fromarray(plane).save(folder / f"{image_id}_{color}.png")


@pytest.fixture
def folder(tmp_path):
    """Twenty good pictures of two labels."""
    images = tmp_path / "pictures"
    images.mkdir()
    for number, image_id in enumerate(IDS):
        save(images, image_id, picture(number))
    rows = {"Id": IDS, "Target": [str((0, 25)[number % 2]) for number in range(20)]}
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return images


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command; what it found by kind, what it printed, and its exit: 0 or its message."""

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit check", *map(str, words), "workers=1"])
        code = 0
        try:
            check.main()
        except SystemExit as error:
            code = str(error)
        printed = capsys.readouterr().out
        found = {each["kind"]: each for each in json.loads(printed)["findings"]} if "--json" in words else {}
        return found, printed, code

    return start


def test_good_pictures_pass(folder, run):
    words = (f"images={folder}", f"labels={folder.parent / 'labels.csv'}", "data.label_list=[0,25]", "strict=true")
    found, _, code = run(*words, "--json")
    assert code == 0
    assert {each["level"] for each in found.values()} == {"ok"}
    assert found["labels"]["said"] == "1.00 an image; Nucleoplasm 10, Cytosol 10"
    assert found["sizes"]["said"] == "128 x 128 (20)"
    assert found["bits"]["said"] == "8 (20)"
    _, printed, _ = run(*words)
    assert printed.splitlines()[-1] == "passed: 20 images; errors: 0, warnings: 0"


def test_every_planted_fault_is_found_and_nothing_else(folder, run):
    (folder / "i00_yellow.png").unlink()
    cut = folder / "i01_blue.png"
    cut.write_bytes(cut.read_bytes()[:-40])
    save(folder, "i02", picture(2).astype(np.uint16) * 257)
    save(folder, "i03", picture(3).astype(np.uint16) * 16)
    save(folder, "i04", picture(4) * np.array([1, 1, 1, 0], np.uint8))
    bright = picture(5)
    bright[:32, :, 1] = 255
    save(folder, "i05", bright)
    save(folder, "i07", picture(7)[:, :, [2, 1, 0, 3]])
    for copy in ("i17", "i18", "i19"):
        save(folder, copy, picture(6))
    save(folder, "i08", picture(8)[:96])
    table = pd.read_csv(folder.parent / "labels.csv", dtype=str)
    table = table[table["Id"] != "i09"]
    table = pd.concat([table, pd.DataFrame({"Id": ["nobody"], "Target": ["0"]})], ignore_index=True)
    table.to_csv(folder.parent / "labels.csv", index=False)

    words = (f"images={folder}", f"labels={folder.parent / 'labels.csv'}", "data.label_list=[0,25,3]")
    found, _, code = run(*words, "--json", f"out={folder.parent / 'looks.csv'}")
    faults = {kind: each["examples"] for kind, each in found.items() if each["level"] != "ok"}
    leaks = faults.pop("leaks")
    unusable = faults.pop("unusable")
    swapped = faults.pop("swapped")
    assert faults == {
        "planes": ["i00: no yellow plane"],
        "bits": [],
        "blank": ["i04: yellow"],
        "saturated": ["i05: green"],
        "oblong": ["i08: 96 x 128"],
        "absent": ["Nucleoli fibrillar center"],
        "rows": ["nobody"],
        "unlabelled": ["i09"],
    }
    assert len(unusable) == 1
    assert unusable[0].startswith(f"i01: {cut} cannot be read")
    planes = picture(7)[:, :, [2, 1, 0, 3]].reshape(-1, 4)
    r = np.corrcoef(planes, rowvar=False)
    numbers = f"(red-yellow {r[0, 3]:.2f}, red-blue {r[0, 2]:.2f}, blue-yellow {r[2, 3]:.2f})"
    assert swapped == [f"i07: the nucleus in red {numbers}"]
    assert found["bits"]["said"].startswith("8 (16), 16 (1), 12 (1); 12 is a guess")
    assert code == "error: 20 images; errors: 3, warnings: 8"

    ids = table["Id"].tolist()
    folds = split(encode_all(table["Target"].tolist())[:, [0, 25, 3]])
    part = {ids[row]: fold for fold, (_, valid) in enumerate(folds) for row in valid}
    copies = ("i06", "i17", "i18", "i19")
    expected = {(a, b) for a in copies for b in copies if a < b and part[a] != part[b]}
    assert {tuple(leak.split(" (")[0].split(" and ")) for leak in leaks} == expected
    a, b = min(expected)
    assert f"{a} and {b} (fold {min(part[a], part[b])}, {max(part[a], part[b])})" in leaks
    assert found["duplicates"]["said"].startswith("6 pairs")

    looks = pd.read_csv(folder.parent / "looks.csv", index_col="Id")
    assert looks.index.tolist() == IDS
    assert looks["problems"]["i00"] == "no yellow plane"
    assert looks["problems"]["i04"] == "yellow is blank"
    assert looks["bits"][["i01", "i02", "i03"]].tolist()[1:] == [16, 12]
    assert looks["green_saturated"]["i05"] == pytest.approx((bright[:, :, 1] == 255).mean())
    assert looks["blue_mean"]["i10"] == pytest.approx(picture(10)[:, :, 2].mean())
    assert (looks["red_min"]["i10"], looks["red_max"]["i10"]) == (
        picture(10)[:, :, 0].min(),
        picture(10)[:, :, 0].max(),
    )

    _, printed, _ = run(*words)
    lines = printed.splitlines()
    assert len(lines) == len(found)
    assert "error    planes      1 image: planes are missing; i00: no yellow plane" in lines


def test_suspicions_fail_only_when_strict(folder, run):
    save(folder, "i07", picture(7)[:, :, [2, 1, 0, 3]])
    found, _, code = run(f"images={folder}", "--json")
    assert (found["swapped"]["level"], code) == ("warning", 0)
    _, _, code = run(f"images={folder}", "strict=true")
    assert code == "error: 20 images; errors: 0, warnings: 1"


def test_unknown_labels_do_not_stop_the_look_at_images(folder, run):
    (folder / "i00_yellow.png").unlink()
    (folder.parent / "labels.csv").write_text("Id,Target\ni01,0\ni02,77\n")
    found, _, code = run(f"images={folder}", f"labels={folder.parent / 'labels.csv'}", "--json")
    assert "row 3: Id 'i02' has the label '77'" in found["table"]["said"]
    assert found["planes"]["examples"] == ["i00: no yellow plane"]
    assert code == "error: 20 images; errors: 2, warnings: 0"


def test_pictures_unlike_the_atlas_are_told_with_their_statistics(folder, run):
    for number, image_id in enumerate(IDS):
        save(folder, image_id, picture(number) // 8 + np.array([0, 200, 0, 0], np.uint8))
    found, _, _ = run(f"images={folder}", "--json")
    assert found["statistics"]["level"] == "warning"
    assert found["statistics"]["said"].startswith("red, green, blue, yellow far from data.mean and data.std")
    mean = np.mean([(picture(n)[:, :, 1] // 8 + 200).mean() / 255 for n in range(20)])
    assert f",{mean:.6f}," in found["statistics"]["said"]


def test_without_yellow_planes_for_a_model_of_three(folder, run):
    for path in folder.glob("*_yellow.png"):
        path.unlink()
    found, _, code = run(f"images={folder}", "data.channels=rgb", "--json")
    assert code == 0
    assert {each["level"] for each in found.values()} == {"ok"}


@pytest.fixture
def atlas(tmp_path):
    """Twelve images of the atlas in two folds, an external one of them the same field as a train one."""
    tree, rows = DataTree(tmp_path / "data"), []
    for number in range(12):
        image_id, image_set = (f"t{number}", "train") if number < 8 else (f"9_{number}", "external")
        shown = 0 if number == 11 else number
        rgby.write(tree.images(image_set, 128) / f"{image_id}.tif", picture(shown), image_id)
        rows.append({"Id": image_id, "Target": f"{(0, 25)[number % 2]}", "External": number >= 8})
    table = pd.DataFrame(rows)
    for fold in range(2):
        held_out = table.index % 2 == fold
        tables.write(tree.fold("random_ext", fold, "train"), table[~held_out])
        tables.write(tree.fold("random_ext", fold, "valid"), table[held_out])
    return tree


def test_the_prepared_atlas(atlas, run):
    words = ("data=i512", "data.image_size=128", "split=random_ext", f"paths.root={atlas.root}", "--json")
    found, _, code = run(*words)
    assert code == 0
    assert found["images"]["said"] == "12"
    assert found["leaks"]["examples"] == ["9_11 and t0 (fold 0, 1)"]
    assert found["labels"]["said"] == "1.00 an image; Nucleoplasm 6, Cytosol 6"
    assert len(found["absent"]["examples"]) == 26
    assert found["absent"]["said"] == "26 of 28 labels have no image"

    (atlas.images("external", 128) / "9_9.tif").unlink()
    found, _, code = run(*words)
    assert found["rows"]["examples"] == ["9_9"]
    assert code == "error: 11 images; errors: 1, warnings: 2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say what to look at: images=DIR labels=FILE"),
        (["data=i512", "split=mine"], "the prepared splits are none"),
        (["images=nowhere"], "there is no image folder nowhere"),
        (["images=.", "out=x.txt"], "choose a name that ends in .csv"),
    ],
)
def test_mistakes_are_one_message(words, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, _, code = run(*words)
    assert message in code


def test_labels_that_no_image_has_are_said_with_the_list_that_leaves_them_out(folder, run):
    words = (f"images={folder}", f"labels={folder.parent / 'labels.csv'}", "--json")
    found, _, _ = run(*words)
    remedy = "data.label_list=[0,25]"
    assert found["absent"]["said"] == f"26 of 28 labels have no image; {remedy} learns the others alone"
    found, _, code = run(*words, remedy)
    assert "absent" not in found
    assert code == 0


def test_a_table_without_any_label_is_an_error(folder, run):
    table = folder.parent / "columns.csv"
    pd.DataFrame({"Id": IDS, "one": 0, "two": 0}).to_csv(table, index=False)
    found, _, code = run(f"images={folder}", f"labels={table}", "--json")
    assert (found["labels"]["level"], found["labels"]["said"]) == ("error", "no image has a label")
    assert code.startswith("error: 20 images; errors: ")
