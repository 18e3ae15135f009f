"""What a run began with stays, whatever becomes of the table."""

import shutil

import numpy as np
import pandas as pd
import pytest
from own_module import SIDE, draw

from hpa_lit.data import FolderDataModule
from hpa_lit.data.dataset import Examples
from hpa_lit.data.record import fingerprint, read_record, recall, write_record
from hpa_lit.errors import InputError
from hpa_lit.files import rgby

IDS = [f"i{row:02}" for row in range(15)]


@pytest.fixture
def run(tmp_path):
    """A folder of images, its table, and the record of a run on it."""
    draw(tmp_path / "images", [*IDS, "new1", "new2"])
    pd.DataFrame({"Id": IDS, "Target": [f"{row % 3} 5" for row in range(15)]}).to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path)
    write_record(tmp_path / "sides.csv", data.sides)
    return tmp_path


def load(folder, **arguments):
    settings = {"record": folder / "sides.csv", "image_size": SIDE, "crop_size": None, "batch_size": 1, **arguments}
    data = FolderDataModule(folder / "images", folder / "t.csv", **settings)
    data.setup("fit")
    return data


def edit(folder, change):
    path = folder / "t.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def content(sides):
    return [side and (list(side.ids), list(side.files), side.targets.tolist()) for side in sides]


def reversed_rows(table):
    return table[::-1]


def appended(table):
    return pd.concat([pd.DataFrame({"Id": ["new1", "new2"], "Target": ["1", "2"]}), table])


def other_folds(table):
    return table.assign(fold=[row % 2 for row in range(len(table))])


def other_split(table):
    return table.assign(split=["test", "train", "valid"] * 5)


def reordered_targets(table):
    return table.assign(Target=["5 " + target.split()[0] for target in table["Target"]])


@pytest.mark.parametrize("change", [reversed_rows, appended, other_folds, other_split, reordered_targets])
def test_sides_order_and_targets_are_those_of_the_record(run, change, capsys):
    before = load(run)
    edit(run, change)
    after = load(run)
    assert content(after.sides) == content(before.sides)
    assert list(after.files("valid")) == sorted(before.sides.valid.ids)
    assert ("2 images have come since this run began and are left out" in capsys.readouterr().out) == (
        change is appended
    )
    edit(run, lambda table: table.sample(frac=1, random_state=0))
    assert content(load(run).sides) == content(before.sides)
    (run / "sides.csv").unlink()
    assert content(load(run).sides) != content(before.sides)  # without it, they would be others


def test_another_number_of_folds_changes_nothing(run):
    before = content(load(run).sides)
    assert content(load(run, folds=2).sides) == before


def test_images_that_left_or_changed_are_named(run):
    edit(run, lambda table: table[~table["Id"].isin(["i03", "i11"])])
    with pytest.raises(InputError, match=r"2 images differ; bring them back, or train anew with tag=NAME") as error:
        load(run)
    for part in ("i03: is no longer there", "i11: is no longer there", str(run / "sides.csv")):
        assert part in str(error.value)


def test_a_changed_label_is_named_with_both(run):
    edit(run, lambda table: table.assign(Target=["0 6" if i == "i04" else t for i, t in table.to_numpy()]))
    with pytest.raises(InputError, match=r"(?s)1 images differ.*i04: its target was '1 5', and is '0 6'$"):
        load(run)


def test_an_image_whose_file_is_gone_is_named(run):
    (run / "images" / "i07.tif").unlink()
    with pytest.raises(InputError, match="i07: no image"):
        load(run)


def test_the_record_is_a_table_of_sides(run):
    data = load(run)
    table = pd.read_csv(run / "sides.csv", dtype=str)
    assert list(table) == ["Id", "side", "Target"]
    assert table["Id"].tolist() == [*data.sides.train.ids, *data.sides.valid.ids]
    assert table["Target"].tolist() == [f"{int(i[1:]) % 3} 5" for i in table["Id"]]
    assert {name: len(rows) for name, rows in read_record(run / "sides.csv").items()} == {"train": 12, "valid": 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("Id,side,Target\na,train,0\na,valid,0\n", "a stands in it twice"),
        ("Id,side\na,train\n", "Target"),
        ("Id,side,Target\na,train,0\n", "its sides are train"),
        ("Id,side,Target\na,train,0\nb,valid,0\nc,left,1\n", "its sides are train, valid, left"),
    ],
)
def test_what_is_no_record_is_named(tmp_path, text, reason):
    path = tmp_path / "sides.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"sides\.csv is no record of a run's sides: .*({reason}).*; restore it"):
        read_record(path)


def test_class_codes_and_a_test_side_are_kept_too(tmp_path):
    def examples(ids, codes):
        return Examples(ids, [{rgby.STACK: tmp_path / image_id} for image_id in ids], np.array(codes))

    sides = [examples(["b", "a"], [3, 0]), examples(["c"], [12]), examples(["d", "e"], [0, 1])]
    write_record(tmp_path / "sides.csv", sides)
    now = [examples(["e", "c", "a"], [1, 12, 0]), examples(["b"], [3]), examples(["d"], [0])]
    assert content(recall(tmp_path / "sides.csv", now)) == content(sides)


def test_the_fingerprint_is_of_images_targets_and_sides_wherever_they_lie(run, tmp_path_factory):
    before = fingerprint(load(run).sides)
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(run, copy)
    assert fingerprint(load(copy).sides) == before
    assert fingerprint(load(copy).sides[::-1]) != before
    (copy / "sides.csv").unlink()
    edit(copy, lambda table: table.assign(Target=["4", *table["Target"][1:]]))
    assert fingerprint(load(copy).sides) != before
    with next(path for path in (run / "images").iterdir() if path.name.startswith("i00")).open("ab") as file:
        file.write(b"more")
    assert fingerprint(load(run).sides) != before
