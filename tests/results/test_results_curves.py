"""Curves and matrices, against scikit-learn and by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from hpa_lit.errors import InputError
from hpa_lit.results import curves


def test_the_area_below_a_curve_is_average_precision():
    rng = np.random.default_rng(0)
    probs = rng.random((400, 3)).round(2)
    target = (rng.random(probs.shape) < probs * [0.9, 0.1, 0]).astype(int)
    table = curves.precision_recall(target, probs, ["often", "seldom", "never"])
    assert table["label"].unique().tolist() == ["often", "seldom"]
    for column, name in enumerate(["often", "seldom"]):
        curve = table[table["label"] == name]
        assert curve["recall"].iloc[0] == 1
        assert curve["recall"].iloc[1] < 1  # what follows once all are found is left out
        assert curve["threshold"].dropna().is_monotonic_increasing
        # Where recall does not change, scikit-learn leaves out thresholds; the steps keep their area.
        steps = -np.diff(curve["recall"]) * curve["precision"].to_numpy()[:-1]
        assert steps.sum() == pytest.approx(average_precision_score(target[:, column], probs[:, column]))


def test_cooccurrence_counts_images():
    table = curves.cooccurrence([[1, 0], [1, 1], [0, 1]], [[0, 1], [1, 1], [0, 0]], ["a", "b"])
    assert table.loc["a"].to_dict() == {"a": 1, "b": 2}
    assert table.loc["b"].to_dict() == {"a": 1, "b": 1}


def test_confusion_counts_what_was_given_in_place_of_what_was_missed():
    truth = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    given = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 1]]
    table = curves.confusion(truth, given, ["a", "b", "c"])
    assert table.columns.tolist() == ["a", "b", "c", "nothing false"]
    assert table.loc["a"].tolist() == [2, 1, 0, 1]  # two hits, one taken for b, one given nothing
    assert table.loc["b"].tolist() == [0, 1, 1, 0]  # a, which that image has and was given, is not its confusion
    assert table.loc["c"].tolist() == [0, 0, 0, 0]
    assert table.loc["nothing missed"].tolist() == [0, 0, 1, 1]


def test_every_mistake_stands_somewhere_in_the_confusion():
    rng = np.random.default_rng(0)
    truth, given = rng.random((2, 200, 5)) < 0.3
    table = curves.confusion(truth.astype(int), given.astype(int), list("abcde")).to_numpy()
    off = table.copy()
    off[np.arange(5), np.arange(5)] = 0
    assert ((off[:, :5].sum(axis=0) > 0) == (given & ~truth).any(axis=0)).all()
    assert (off[:5].sum(axis=1) >= (truth & ~given).sum(axis=0)).all()
    assert table[5, 5] == (truth == given).all(axis=1).sum()


def test_a_run_started_again_has_one_row_an_epoch(tmp_path):
    head = "epoch,lr,step,train/loss,valid/loss\n"
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(head + "1.0,,7,,3.5\n1.0,0.1,7,5.0,\n2.0,,15,,3.0\n2.0,0.1,15,4.0,\n")
    second.write_text(head + "2.0,,15,,2.5\n2.0,0.1,15,3.9,\n3.0,,23,,2.0\n3.0,0.05,23,3.0,\n")
    table = curves.training([first, second])
    assert table.to_dict("list") == {
        "epoch": [1, 2, 3],
        "lr": [0.1, 0.1, 0.05],
        "train/loss": [5.0, 3.9, 3.0],
        "valid/loss": [3.5, 2.5, 2.0],
    }


@pytest.mark.parametrize(("text", "message"), [(None, "there is no log"), ("epoch,step\n", "no epoch that has ended")])
def test_runs_without_an_epoch_are_refused(tmp_path, text, message):
    if text:
        (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        curves.training([tmp_path / "metrics.csv"])


def test_steps_say_what_they_gained(tmp_path):
    for name, score in (("a", 0.25), ("b", 0.5)):
        scores = {"images": 9, "macro_f1": score, "macro_f1_interval": [score - 0.1, score + 0.1]}
        (tmp_path / f"{name}.json").write_text(json.dumps({"scores": scores}))
    table = curves.steps({"one view": tmp_path / "a.json", "all views": tmp_path / "b.json"})
    assert table["step"].tolist() == ["one view", "all views"]
    assert table["gain"].tolist()[1] == 0.25
    assert pd.isna(table["gain"][0])
    (tmp_path / "b.json").write_text(json.dumps({"submission": "x"}))
    for place in ("b.json", "none.json"):
        with pytest.raises(InputError, match=f"step 'x' has no scores in .*{place}: make it with truth=TABLE"):
            curves.steps({"x": tmp_path / place})
