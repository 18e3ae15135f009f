"""Every command that writes, with little work to do: its settings, and what it writes."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from small_run import LABELS, save_pictures, save_run

from hpa_lit.files import prediction_file
from hpa_lit.files.prediction_file import Predictions

IDS = [f"i{row:02}" for row in range(8)]
DRAWN = ["draw.fields=20", "draw.size=64", "draw.duplicates=1", "draw.workers=1"]
PREPARED = ["data=i256", "prepare.sizes=[64]", "prepare.upscale=true", "prepare.workers=1"]
LIGHT = ("combine", "submit", "neighbours", "check")  # done in a second


def make_home(home: Path) -> Path:
    """Pictures with labels, a network, predictions and features: what the commands read."""
    save_pictures(home / "mine", len(IDS))
    save_run(home / "run")
    targets = ["0", "1", "0 1", "2", "0", "1", "2", "0 2"]
    pd.DataFrame({"Id": IDS, "Target": targets}).to_csv(home / "labels.csv", index=False)
    rng, ok = np.random.default_rng(0), ("ok",) * len(IDS)
    for name, labels, features in (("test", tuple(LABELS), None), ("queries", (), 8), ("gallery", (), 8)):
        ids = tuple(f"{name[0]}{image_id}" if features else image_id for image_id in IDS)
        values = rng.random((len(ids), 1, len(labels)), np.float32)
        vectors = rng.random((len(ids), 1, features), np.float32) if features else None
        file = Predictions(ids, ok, ("all",), labels, values, "small", None, "x", "best.ckpt", vectors)
        prediction_file.write(home / f"{name}.parquet", file)
        table = pd.DataFrame({"Id": ids, "Target": targets, "antibody": "7", "antibody_code": range(len(ids))})
        table.to_csv(home / f"{name}.csv", index=False)
    run("draw", [f"paths.root={home / 'atlas'}", *DRAWN])
    return home


def make_place(home: Path, place: Path) -> None:
    """What must lie beside what is written: the raw files of an atlas."""
    (place / "atlas").mkdir(parents=True)
    (place / "atlas" / "raw").symlink_to(home / "atlas" / "raw")


def settings(home: Path, place: Path) -> dict[str, list[str]]:
    """The words of each command; all that it writes is in `place`."""
    images = [f"images={home / 'mine'}", f"labels={home / 'labels.csv'}", "data.label_list=[bright,dark,odd]"]
    small = ["experiment=small", "data.crop_size=32", "data.workers=0", "batch_size=2", "scheduler.epochs=1"]
    network = [f"run={home / 'run'}", f"images={home / 'mine'}", "trainer=cpu", "workers=0"]
    predictions = [f"predictions={home / 'test.parquet'}"]
    searched = [f"{name}={home / name}.parquet" for name in ("queries", "gallery")]
    tables = [f"gallery_table={home / 'gallery.csv'}", f"query_table={home / 'queries.csv'}"]
    return {
        "combine": [*predictions, f"output={place / 'combined.parquet'}"],
        "submit": [*predictions, "thresholds=fixed", f"output={place / 'answers'}"],
        "report": [*predictions, f"output={place / 'report'}"],
        "neighbours": [*searched, *tables, f"output={place / 'found'}"],
        "check": [*images, f"out={place / 'looks.csv'}", "workers=1"],
        "predict": [*network, f"out={place / 'result.csv'}"],
        "embed": [*network, f"out={place / 'features.parquet'}"],
        "export": [f"run={home / 'run'}", "format=bundle", f"out={place / 'model.zip'}"],
        "draw": [f"paths.root={place / 'drawn'}", *DRAWN],
        "prepare": [f"paths.root={place / 'atlas'}", "stage=[resize,metadata]", "prepare.sets=[test]", *PREPARED],
        "train": [*small, *images, "fold=0", "data.folds=2", f"paths.outputs={place}"],
        "pipeline": [f"paths.outputs={place}", "folds=[0]", "embedder=null"],
    }


def run(verb: str, words: list[str]) -> tuple[object, str]:
    """Run a command in this process: its exit code, and what it said."""
    said = io.StringIO()
    sys.argv = [f"hpa-lit {verb}", *words]
    with redirect_stdout(said), redirect_stderr(said):
        try:
            import_module(f"hpa_lit.{verb}").main()
        except SystemExit as ended:
            return ended.code, said.getvalue()
    return 0, said.getvalue()


def files(place: Path) -> list[str]:
    """All files of a folder."""
    return sorted(os.path.relpath(path, place) for path in place.rglob("*") if path.is_file())
