"""Whole inputs of every command, tiny, for a case to break one of them."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from small_run import LABELS, save_pictures, save_run

from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.tree import AnswerTree

IDS = tuple(f"i{row:02}" for row in range(6))
ATLAS_IDS = tuple(f"{row}_A1_1" for row in range(1, 7))
NARROW = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}


def predictions(ids=IDS, labels=tuple(LABELS), features=0, **more):
    """Predictions of images in one view, their numbers drawn."""
    rng = np.random.default_rng(len(ids))
    values = rng.uniform(0.1, 0.9, (len(ids), 1, len(labels))).astype(np.float32)
    vectors = rng.normal(size=(len(ids), 1, features)).astype(np.float32) if features else None
    made = Predictions(tuple(ids), ("ok",) * len(ids), ("all",), labels, values, "small", None, "test", "x", vectors)
    return replace(made, **more)


def table(path: Path, header: str, *columns) -> None:
    """A CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(row) for row in zip(*columns, strict=True))]) + "\n")


def build(home: Path) -> None:
    """Make the folder."""
    pixels = save_pictures(home / "pictures", len(IDS))
    for image_id, picture in zip(IDS, pixels, strict=True):
        for color, plane in zip(rgby.COLORS, picture.transpose(2, 0, 1), strict=True):
            path = home / "planes" / f"{image_id}_{color}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(plane).save(path)
    places = [str(row % 3) for row in range(len(IDS))]
    table(home / "labels.csv", "Id,Target", IDS, [LABELS[int(place)] for place in places])
    table(home / "truth.csv", "Id,Target", IDS, places)
    table(home / "pairs.csv", "Test1,Test2", IDS[:1], IDS[1:2])
    table(home / "ratios.csv", "label,ratio", LABELS, ["0.1", "0.2", "0.3"])
    table(AnswerTree(home / "given").submission, "Id,Predicted", IDS, places)
    AnswerTree(home / "given").scores.write_text(
        json.dumps({"scores": {"images": 6, "macro_f1": 0.5, "macro_f1_interval": [0.4, 0.6]}})
    )
    run, _ = save_run(home / "run", images="pictures", labels="labels.csv", **NARROW)
    save_run(home / "embedder", embedder=True, **NARROW)
    sides = ["train"] * 4 + ["valid"] * 2
    table(run.record, "Id,side,Target", IDS, sides, places)
    table(
        run.folder / "csv" / "version_0" / "metrics.csv",
        "epoch,step,valid/focal,valid/macro_f1",
        "12",
        "12",
        "43",
        "12",
    )
    for fold in range(2):
        prediction_file.write(home / f"fold{fold}.parquet", predictions(fold=fold))
    prediction_file.write(home / "test.parquet", predictions())
    prediction_file.write(home / "queries.parquet", predictions(labels=(), features=8))
    prediction_file.write(home / "gallery.parquet", predictions(ATLAS_IDS, labels=(), features=8))
    for name, ids in (("queries", IDS), ("gallery", ATLAS_IDS)):
        table(home / f"{name}.csv", "Id,Target,antibody,antibody_code", ids, places, "123456", "012345")
    data = DataTree(home / "data")
    table(data.train_csv, "Id,Target", IDS, places)
    table(data.sample_submission, "Id,Predicted", ["t0", "t1"], "00")
    table(data.external_csv, "Id,Target", ATLAS_IDS, places)


def clone(home: Path, place: Path) -> None:
    """The same files under another folder, as further names of one content: to break one, write it anew."""
    shutil.copytree(home, place, copy_function=os.link, dirs_exist_ok=True)
