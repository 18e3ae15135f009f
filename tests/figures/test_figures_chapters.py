"""Chapters of a report: what is drawn, and what is left out because there is nothing to draw."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from hpa_lit.figures import chapters


def test_classifiers_and_embedders_have_curves_of_their_own(tmp_path):
    for name, columns in (("classifier", "valid/focal,valid/macro_f1"), ("embedder", "valid/top1,valid/map5")):
        log = f"epoch,lr,step,train/loss,valid/loss,{columns}\n1.0,,7,,3.0,0.5,0.5\n1.0,0.1,7,2.0,,,\n"
        (tmp_path / f"{name}.csv").write_text(log)
    found = chapters.training({name: [tmp_path / f"{name}.csv"] for name in ("classifier", "embedder")})
    names = {"classifier_loss", "classifier_focal", "classifier_macro_f1", "classifier_lr"}
    names |= {"embedder_loss", "embedder_map5", "embedder_lr"}
    assert set(found.pictures) == {f"training_{name}" for name in names}
    assert found.tables["training"]["run"].tolist() == ["classifier", "embedder"]


def test_sheets_show_a_row_for_each_kind_and_skip_labels_without_an_image():
    rows = [("x", "hit", "a", 0.9), ("x", "hit", "b", 0.8), ("x", "hit", "c", 0.7), ("x", "miss", "d", 0.1)]
    found = pd.DataFrame(rows, columns=["label", "kind", "Id", "probability"])
    image = np.full((64, 64, 3), (200, 0, 0), np.uint8)
    asked = []
    labelled = dict.fromkeys("abcd", "x")
    sheets = chapters.sheets(found, labelled, ["y", "x"], lambda i: asked.append(i) or image, most=2)
    assert asked == ["a", "b", "d"]
    first, second = sheets.values["labels"]
    assert first == {"name": "y", "groups": []}
    assert [(group["kind"], group["total"], len(group["images"])) for group in second["groups"]] == [
        ("hit", 3, 2),
        ("miss", 1, 1),
    ]
    assert list(sheets.pictures) == ["sheet_01_x"]
    with Image.open(io.BytesIO(sheets.pictures["sheet_01_x"])) as sheet:
        assert (np.asarray(sheet) == (200, 0, 0)).all(axis=2).sum() == 3 * 64 * 64  # the composites, as they are


def test_file_names_hold_no_path():
    assert chapters.file_name(27, "Rods & rings") == "27_Rods_rings"
    assert chapters.file_name(0, "../x/y") == "00_x_y"
