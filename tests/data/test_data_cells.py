"""Cells as examples, alone and in bags: labels of their fields, sides, what is drawn."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hpa_lit.data import CellDataModule
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.names import field_of

CELLS = [3, 1, 2, 12, 4, 5, 6, 2, 3, 7]  # of each field
SIDE = 8


def value(field, number):
    """The brightness of every pixel of a cell, which no other has."""
    return 20 * field + number


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "out" / "images"
    for field, count in enumerate(CELLS):
        for number in range(1, count + 1):
            square = np.full((SIDE, SIDE, 4), value(field, number), np.uint8)
            rgby.write(folder / f"f{field}" / f"{number}.tif", square, f"f{field}/{number}")
    (tmp_path / "out" / "cutting.json").write_text(json.dumps({"size": 96, "side": SIDE, "others": "keep"}))
    rows = [(f"f{field}", ("0", "1", "0 1")[field % 3]) for field in range(len(CELLS))]
    pd.DataFrame([*rows, ("empty", "1")], columns=["Id", "Target"]).to_csv(tmp_path / "labels.csv", index=False)
    return folder


def module(images, **settings):
    made = CellDataModule(
        images, images.parents[1] / "labels.csv", folds=3, crop_size=None, batch_size=4, **{"workers": 0, **settings}
    )
    made.label_list = ["a", "b"]
    made.setup("fit")
    return made


def shown(images):
    """Field and number of each cell, of images (..., C, S, S)."""
    values = images[..., 0, 0, 0].numpy().astype(int)
    return values // 20, values % 20


def test_a_cell_has_the_labels_of_its_field_and_fields_stay_whole(images):
    made = module(images)
    train, valid, _ = made.sides
    assert len(train.ids) + len(valid.ids) == sum(CELLS)
    assert not {field_of(i) for i in train.ids} & {field_of(i) for i in valid.ids}
    for side in (train, valid):
        for cell, target in zip(side.ids, side.targets, strict=True):
            field = int(field_of(cell)[1:])
            assert target.tolist() == [[1, 0], [0, 1], [1, 1]][field % 3]
    assert (made.field_size, made.others) == (96, "keep")
    assert made.image_size == SIDE
    assert made.notes.count("1 of 11 fields have no cells: left out") == 1
    batch = next(iter(made.train_dataloader()))
    fields, _ = shown(batch["image"])
    assert batch["image"].shape == (4, 4, SIDE, SIDE)
    assert [train.ids[row].split("/")[0] for row in batch["index"]] == [f"f{field}" for field in fields]


def test_a_bag_is_of_one_field_and_other_cells_in_every_epoch(images):
    made = module(images, bag=4)
    seen = {}
    for epoch in range(12):
        loader = made.train_dataloader()
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            assert batch["image"].shape == (4, 4, 4, SIDE, SIDE)
            fields, numbers = shown(batch["image"])
            for row, field, cells in zip(batch["index"], fields, numbers, strict=True):
                assert set(field) == {int(made.sides.train.ids[row][1:])}
                count = CELLS[field[0]]
                assert len(set(cells)) == min(4, count)
                seen.setdefault(field[0], set()).update(cells)
    large = [field for field in seen if CELLS[field] > 4]
    assert all(len(seen[field]) > 4 for field in large)


def test_validation_sees_the_first_cells_and_prediction_each_alone(images):
    made = module(images, bag=4)
    for batch in made.val_dataloader():
        fields, numbers = shown(batch["image"])
        for field, cells in zip(fields, numbers, strict=True):
            count = CELLS[field[0]]
            assert cells.tolist() == [1 + k % count for k in range(4)]
    valid = made.files("valid")
    assert {field_of(cell) for cell in valid} == set(made.sides.valid.ids)
    assert len(valid) == sum(CELLS[int(field[1:])] for field in made.sides.valid.ids)
    made.setup("predict")
    assert len(made.predicted) == sum(CELLS)


def test_the_same_bags_come_whoever_loads_them(images):
    first, again = (next(iter(module(images, bag=4, workers=workers).train_dataloader())) for workers in (0, 1))
    assert torch.equal(first["image"], again["image"])


def test_what_is_no_folder_of_cells_is_refused(images, tmp_path):
    (tmp_path / "out" / "cutting.json").unlink()
    with pytest.raises(InputError, match=r"is no folder of cells, or was moved: .* set data\.field_size=NUMBER"):
        module(images)
    made = module(images, field_size=50, others="mask")
    assert (made.field_size, made.others) == (50, "mask")
    pd.DataFrame({"Id": ["x"], "Target": ["1"]}).to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(InputError, match="has labels of no field that has cells in"):
        module(images, field_size=50, others="mask")
    with pytest.raises(InputError, match=r"data\.bag"):
        module(images, field_size=50, others="mask", bag=-1)


def test_a_cell_that_cannot_be_read_is_named_with_a_remedy(images):
    made = module(images, bag=4)
    for path in images.glob("*/*.tif"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"f\d: .*\.tif .*; replace the file, or remove the image from the table"):
        next(iter(made.train_dataloader()))
