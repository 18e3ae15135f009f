"""What a drawn field knows of its cells: outlines, nuclei, and what each shows."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from hpa_lit.files import label_image, rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.synthetic import draw_atlas, draw_field
from hpa_lit.synthetic.field import draw_cells

GOLGI, CYTOSOL, NUCLEOPLASM, BRIDGE = 7, 25, 0, 16


def test_cells_are_numbered_and_each_nucleus_lies_in_its_own() -> None:
    field = draw_cells([CYTOSOL], 256, np.random.default_rng(2))
    assert np.unique(field.cells).tolist() == list(range(len(field.labels) + 1))
    inside = field.nuclei > 0
    np.testing.assert_array_equal(field.cells[inside], field.nuclei[inside])
    blue, green = field.image[:, :, 2], field.image[:, :, 1]
    assert blue[inside].mean() > 20 * blue[~inside].mean()
    assert green[field.cells > 0].mean() > 10 * green[field.cells == 0].mean()


def test_the_truth_changes_no_pixel() -> None:
    """The very bytes of another time, by which drawn data of published figures is made again."""
    digest = hashlib.sha256()
    for k in range(12):
        digest.update(draw_field([2 * k, 25], 192, np.random.default_rng([3, k])).tobytes())
    assert digest.hexdigest() == "4793ed998aab04c43d45e56149cfdd0b85979c47a3f6da229b871854718af118"


def test_all_cells_show_a_location_unless_only_some_can() -> None:
    whole = draw_cells([CYTOSOL, GOLGI], 512, np.random.default_rng(4))
    assert np.mean([CYTOSOL in labels for labels in whole.labels]) > 0.9  # but for slivers at the border
    seen = np.bincount(whole.nuclei.ravel(), minlength=len(whole.labels) + 1)[1:] > 200
    assert np.mean([GOLGI in labels for labels, shown in zip(whole.labels, seen, strict=True) if shown]) > 0.6
    dividing = draw_cells([BRIDGE], 512, np.random.default_rng(4))
    share = np.mean([BRIDGE in labels for labels in dividing.labels])
    assert 0 < share < 0.9


def test_cells_of_a_mixed_field_differ_and_together_show_all() -> None:
    shares, light = [], []
    for seed in range(6):
        field = draw_cells([CYTOSOL, NUCLEOPLASM], 384, np.random.default_rng([5, seed]), mixed=True)
        shares.append([np.mean([label in labels for labels in field.labels]) for label in (CYTOSOL, NUCLEOPLASM)])
        green = field.image[:, :, 1]
        cytoplasm = (field.cells > 0) & (field.nuclei == 0)
        has = np.array([False, *(CYTOSOL in labels for labels in field.labels)])
        light.append([green[cytoplasm & has[field.cells]].mean(), green[cytoplasm & ~has[field.cells]].mean()])
    assert np.mean(shares) == pytest.approx(0.57, abs=0.1)  # 0.6, but for cells whose nucleus is not in the field
    assert np.min(shares) > 0
    assert np.max(shares) < 1
    assert all(with_it > 3 * without for with_it, without in light)


def test_an_atlas_keeps_the_truth_hidden_beside_it(tmp_path) -> None:
    tree = DataTree(tmp_path)
    plan = draw_atlas(tree, fields=24, duplicates=0, size=128, mixed=0.5, workers=1)
    table = pd.read_csv(tree.cell_truth, dtype={"Target": str}, keep_default_na=False)
    truth = {entry.image_id: set(map(str, entry.labels)) for entry in plan.entries}
    assert set(table["Id"]) == truth.keys()
    alike = []
    for image_id, cells in table.groupby("Id"):
        mask = label_image.read(tree.cell_masks(image_id))
        assert mask.shape == (128, 128)
        assert np.unique(mask[mask > 0]).tolist() == cells["cell"].tolist()
        shown = [set(target.split()) for target in cells["Target"]]
        assert set.union(*shown) <= truth[image_id]
        alike.append(np.mean([each == truth[image_id] for each in shown]))
    assert min(alike) < 0.5 < max(alike)
    image = rgby.read(rgby.list_images(tree.raw_images("train"))[plan.of("train")[0].image_id])
    assert image.shape == (128, 128, 4)
