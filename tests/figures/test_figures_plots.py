"""Figures show the numbers that they are given, and are the same for the same numbers."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from hpa_lit.figures import plots


def test_the_commonest_label_is_on_top_with_its_interval():
    row = {"f1_low": 0.4, "f1_high": 0.6, "average_precision_low": 0.5, "average_precision_high": 0.9}
    table = pd.DataFrame([{"label": "rare", "support": 2, "f1": 0.5, "average_precision": 0.7, **row}])
    table = pd.concat([table, table.assign(label="common", support=90, f1=0.8)], ignore_index=True)
    (axes,) = plots.label_scores(table).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["rare (2)", "common (90)"]
    f1, precision = axes.lines
    assert f1.get_xdata().tolist() == [0.5, 0.8]
    assert precision.get_xdata().tolist() == [0.7, 0.7]
    (first, _) = axes.collections[0].get_segments()
    assert first[:, 0].tolist() == [0.4, 0.6]


def test_a_matrix_writes_percents_and_leaves_small_and_absent_cells_empty():
    shares = pd.DataFrame([[1.0, 0.004], [np.nan, 0.25]], index=["a", "b"], columns=["a", "b"])
    (axes,) = plots.matrix(shares, "true", "given").axes
    assert sorted((text.get_position(), text.get_text()) for text in axes.texts) == [((0, 0), "100"), ((1, 1), "25")]


def test_training_curves_have_a_line_for_each_run_and_column():
    run = pd.DataFrame({"epoch": [1, 2], "train/loss": [3.0, 2.0], "valid/loss": [2.5, np.nan]})
    (axes,) = plots.training({"x/fold0": run, "x/fold1": run}, ("train/loss", "valid/loss"), "loss").axes
    assert [line.get_label() for line in axes.lines][:2] == ["x/fold0, valid", "x/fold0, train"]
    assert axes.lines[0].get_xdata().tolist() == [1]
    assert axes.lines[0].get_color() == axes.lines[1].get_color() != axes.lines[2].get_color()


def test_long_names_of_models_are_whole_so_that_those_with_one_end_are_told_apart():
    names = [f"{start}_and_a_long_end_that_is_the_same/seed0" for start in ("one", "another")]
    scores = pd.DataFrame({"model": names, "value": 0.5, "low": 0.4, "high": 0.6, "verdict": "unsure"})
    (axes,) = plots.differences(scores, "Macro F1").axes
    assert [tick.get_text().replace("\n", "") for tick in axes.get_yticklabels()] == names[::-1]


def test_pictures_are_the_same_for_the_same_numbers():
    table = pd.DataFrame({"step": ["a", "b"], "macro_f1": [0.2, 0.3], "low": [0.1, 0.2], "high": [0.3, 0.4]})
    first, second = (plots.png(plots.steps(table)) for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.format == "PNG"
        assert picture.width == 792  # 4.4 inches of 180 pixels
