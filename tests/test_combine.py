"""The command combine, on real files."""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hpa_lit import combine
from hpa_lit.files import prediction_file
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.labels import LABEL_NAMES


@pytest.fixture
def folds(golden, tmp_path):
    """The reference's three folds of three views as prediction files."""
    arrays = np.load(golden / "ensemble.npz")
    ids = arrays["test_ids"].tolist()
    order = sorted(range(len(ids)), key=ids.__getitem__)
    for fold, views in enumerate(arrays["views"]):
        file = Predictions(
            ids=tuple(ids[row] for row in order),
            status=("ok",) * len(ids),
            views=("v0", "v1", "v2"),
            labels=LABEL_NAMES,
            probabilities=views[:, order].transpose(1, 0, 2),
            run="winner",
            fold=fold,
            dataset="test",
            checkpoint=f"fold{fold}.ckpt",
        )
        prediction_file.write(tmp_path / "folds" / f"fold{fold}.parquet", file)
    return arrays, order, tmp_path


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["hpa-lit combine", *words])
    combine.main()


def test_golden_ensemble(folds, golden, monkeypatch, capsys):
    arrays, order, tmp_path = folds
    run(
        monkeypatch,
        f"predictions={tmp_path}/folds/fold*.parquet",
        f"duplicates={golden}/ensemble_test_match.csv",
        "folds=[0,1,2]",
        f"paths.outputs={tmp_path}/outputs",
    )
    found = prediction_file.read(tmp_path / "outputs" / "combine" / "test.parquet")
    np.testing.assert_allclose(found.probabilities[:, 0], arrays["fold_mean_after_duplicates"][order], atol=1e-6)
    assert found.checkpoint == "fold0.ckpt, fold1.ckpt, fold2.ckpt"
    assert "200 images" in capsys.readouterr().out


def test_mean_views_weights_and_output(folds, monkeypatch):
    arrays, order, tmp_path = folds
    files = ",".join(str(tmp_path / "folds" / f"fold{fold}.parquet") for fold in (2, 0))
    run(monkeypatch, f"predictions=[{files}]", "over_views=mean", "weights=[3,1]", f"output={tmp_path}/x.parquet",
        f"paths.outputs={tmp_path}")  # fmt: skip
    expected = (3 * arrays["whole_average"][2] + arrays["whole_average"][0]) / 4
    found = prediction_file.read(tmp_path / "x.parquet").probabilities[:, 0]
    np.testing.assert_allclose(found, expected[order], atol=1e-6)


def test_no_other_file_is_written_over(folds, monkeypatch):
    tmp_path = folds[2]
    words = [f"predictions={tmp_path}/folds/*", f"output={tmp_path}/x.parquet", f"paths.outputs={tmp_path}"]
    run(monkeypatch, *words)
    run(monkeypatch, *words, "over_views=mean")  # it says itself what it was made from
    pd.DataFrame({"Id": ["a"]}).to_parquet(tmp_path / "x.parquet")
    table = (tmp_path / "x.parquet").read_bytes()
    with pytest.raises(SystemExit, match=r"x\.parquet is there and is no prediction file: choose another output"):
        run(monkeypatch, *words)
    assert (tmp_path / "x.parquet").read_bytes() == table
    (tmp_path / "x.parquet").write_text("notes\n")
    with pytest.raises(SystemExit, match="is no prediction file"):
        run(monkeypatch, *words)
    assert (tmp_path / "x.parquet").read_text() == "notes\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predictions={folds}/fold7.parquet"], "there is no file .*fold7.parquet"),
        (["predictions=[{folds}/fold0.parquet,{folds}/fold1.parquet]", "folds=[0,1,2]"], "run winner lacks fold 2"),
        (["predictions={folds}/*", "over_views=median"], "choose maximum, mean or first"),
        (["predictions={folds}/*", "on_failed=skip"], "choose error or drop"),
        (["predictions={folds}/*", "view=mean"], "Valid keys here: .*views"),
        ([], "predictions"),
    ],
)
def test_mistakes_end_with_one_message(folds, monkeypatch, words, message):
    tmp_path = folds[2]
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        run(monkeypatch, f"paths.outputs={tmp_path}", *(word.format(folds=tmp_path / "folds") for word in words))
    assert not (tmp_path / "combine").exists()


def test_a_failed_image_stops_the_ensemble_unless_dropped(folds, monkeypatch):
    tmp_path = folds[2]
    path = tmp_path / "folds" / "fold1.parquet"
    file = prediction_file.read(path)
    file.probabilities[7] = np.nan
    prediction_file.write(path, replace(file, status=(*file.status[:7], "cut short", *file.status[8:])))
    words = [f"predictions={tmp_path}/folds/*", f"paths.outputs={tmp_path}"]
    with pytest.raises(SystemExit, match=f"{file.ids[7]}: cut short"):
        run(monkeypatch, *words)
    run(monkeypatch, *words, "on_failed=drop")
    found = prediction_file.read(tmp_path / "combine" / "test.parquet")
    assert set(file.ids) - set(found.ids) == {file.ids[7]}


@pytest.mark.parametrize("dataset", ["../../../elsewhere", "/etc/x", "..", "a\nb"])
def test_a_file_cannot_lead_out_of_the_folder_of_outputs(folds, monkeypatch, dataset):
    tmp_path = folds[2]
    path = tmp_path / "folds" / "fold0.parquet"
    table = pq.read_table(path)
    source = json.loads(table.schema.metadata[b"hpa_lit"]) | {"dataset": dataset}
    pq.write_table(table.replace_schema_metadata({b"hpa_lit": json.dumps(source)}), path)
    before = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(SystemExit, match=r"(?s)^error: .*fold0\.parquet: dataset .* files are named by it"):
        run(monkeypatch, f"predictions={path}", f"paths.outputs={tmp_path}/a/b/c/outputs")
    assert sorted(tmp_path.rglob("*.parquet")) == before
