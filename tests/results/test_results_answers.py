"""Answers beside the truth, counted by hand."""

import numpy as np
import pytest

from hpa_lit.results.answers import Answers, JudgedAnswers, image_table, in_words

PROBS = np.array([[0.9, 0.2], [0.6, 0.45], [0.3, 0.1]])
GIVEN = np.array([[1, 0], [1, 0], [0, 1]], np.uint8)
TRUTH = np.array([[1, 0], [1, 1], [1, 0]], np.uint8)
THRESHOLDS = np.array([0.5, 0.4])


def about(kind=Answers, thresholds=None, **more):
    return kind(ids=("a", "b", "c"), names=("x", "y"), probs=PROBS, given=GIVEN, thresholds=thresholds, **more)


def test_every_cell_is_a_hit_a_miss_a_false_alarm_or_rightly_empty():
    answers = about(JudgedAnswers, truth=TRUTH)
    assert answers.hits.tolist() == [[1, 0], [1, 0], [0, 0]]
    assert answers.misses.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert answers.false_alarms.tolist() == [[0, 0], [0, 0], [0, 1]]
    assert answers.mistakes.tolist() == [0, 1, 2]


def test_the_images_with_most_mistakes_come_first():
    table = image_table(about(JudgedAnswers, THRESHOLDS, truth=TRUTH))
    assert table["Id"].tolist() == ["c", "b", "a"]
    assert table["mistakes"].tolist() == [2, 1, 0]
    assert table[["given", "true", "missed", "false_alarms"]].to_numpy().tolist() == [
        ["y", "x", "x", "y"],
        ["x", "x, y", "y", ""],
        ["x", "x", "", ""],
    ]
    assert table["highest_probability"].tolist() == [0.3, 0.6, 0.9]
    assert table["from_threshold"].tolist() == pytest.approx([0.2, 0.05, 0.2])


def test_without_truth_and_thresholds_the_order_stays_and_their_columns_are_absent():
    table = image_table(about())
    assert table.columns.tolist() == ["Id", "given", "highest_probability"]
    assert table["Id"].tolist() == ["a", "b", "c"]


def test_answers_that_no_threshold_gives_are_counted():
    assert about(thresholds=THRESHOLDS).overruled == 2  # b was not given y above its threshold, c was given it below
    assert about().overruled == 0


def test_labels_in_words():
    assert in_words([[1, 1], [0, 0]], ("x", "y")) == ["x, y", ""]
