"""The table that people read, and that later steps take as a prediction file."""

import numpy as np
import pandas as pd
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files import prediction_csv, prediction_file
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.labels import RESERVED


def made(views=1):
    probabilities = np.array([[[0.9, 0.2, 0.6]], [[np.nan] * 3], [[0.1, 0.3, 0.2]]], np.float32)
    return Predictions(
        ids=("a", "b", "c"),
        status=("ok", "b.tif is cut short", "ok"),
        views=tuple(f"crop{n}/default" for n in range(views)),
        labels=("Golgi apparatus", "mine, too", "Cytosol"),
        probabilities=np.repeat(probabilities, views, axis=1),
        run="small",
        fold=0,
        dataset="folder-x",
        checkpoint="best.ckpt",
    )


def test_an_image_has_its_answer_in_words(tmp_path):
    predictions = made(views=2)
    shown = np.array([[0.9, 0.55, 0.6], [np.nan] * 3, [0.1, 0.3, 0.2]], np.float32)
    given = np.array([[1, 1, 1], [0, 0, 0], [0, 1, 0]], bool)
    size, channels = ["9 x 8", "", "4 x 4"], ["red, green", "", "green"]
    prediction_csv.write(tmp_path / "a.csv", predictions, shown, given, {"size": size, "channels": channels})
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False).set_index("Id")
    assert table.columns.tolist() == ["locations", "top3", "status", "size", "channels", *predictions.labels]
    assert table["locations"].to_dict() == {"a": "Golgi apparatus, Cytosol, mine, too", "b": "", "c": "mine, too"}
    assert table.loc["a", "top3"] == "Golgi apparatus 0.90, Cytosol 0.60, mine, too 0.55"
    assert table.loc["b"].tolist() == ["", "", "b.tif is cut short", "", "", "", "", ""]
    assert table.loc["c", ["size", "channels"]].tolist() == ["4 x 4", "green"]


def test_it_comes_back_as_predictions_of_one_view(tmp_path):
    shown = made().probabilities[:, 0]
    prediction_csv.write(tmp_path / "mine.csv", made(), shown, shown > 0.5)
    found = prediction_file.read(tmp_path / "mine.csv")
    np.testing.assert_allclose(found.probabilities, made().probabilities, rtol=1e-5)
    assert (found.ids, found.status, found.labels) == (made().ids, made().status, made().labels)
    assert (found.views, found.run, found.fold, found.dataset) == (("all",), "mine", None, "mine")


def test_rows_may_be_sorted_anew_and_columns_left_out(tmp_path):
    (tmp_path / "a.csv").write_text("Cytosol,Id\n0.25,b\n1,a\n")
    found = prediction_file.read(tmp_path / "a.csv")
    assert (found.ids, found.labels, found.status) == (("a", "b"), ("Cytosol",), ("ok", "ok"))
    assert found.probabilities.ravel().tolist() == [1, 0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no CSV: it is empty"),
        ("Id,locations\na,Cytosol\n", "is no table of predictions: it needs a column Id, and one of probabilities"),
        ("name,Cytosol\na,0.5\n", "is no table of predictions.*it has name, Cytosol"),
        ("Id,Cytosol\na,high\n", "1 cells that are no probability:\n  a: 'high' under Cytosol"),
        ("Id,Cytosol\na,1.5\n", r"a\.csv: 1 images have probabilities outside 0\.\.1"),
        ("Id,Cytosol\na,\n", r"a\.csv: 1 images called ok have a NaN"),
        ("Id,Cytosol\na,0.5\na,0.6\n", r"a\.csv: 1 Ids are repeated"),
    ],
)
def test_what_is_no_such_table_is_said(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=f"(?s){message}"):
        prediction_file.read(tmp_path / "a.csv")


def test_no_table_at_all(tmp_path):
    with pytest.raises(InputError, match=r"there is no table .*a\.csv"):
        prediction_file.read(tmp_path / "a.csv")


def test_no_label_can_be_taken_for_another_column():
    assert set(prediction_csv.BESIDE) <= set(RESERVED)
