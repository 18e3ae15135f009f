"""Which images are shown, chosen by hand."""

import numpy as np

from hpa_lit.results import examples
from hpa_lit.results.answers import JudgedAnswers

IDS, NAMES = ["a", "b", "c", "d", "e"], ["x", "y"]
PROBS = np.array([[0.9, 0.2], [0.6, 0.1], [0.3, 0.1], [0.7, 0.1], [0.2, 0.1]])
GIVEN = np.array([[1, 0], [1, 0], [0, 0], [1, 0], [0, 0]])
TRUTH = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [1, 0]])


def rows(table):
    return list(table[["label", "kind", "Id"]].itertuples(index=False, name=None))


def test_hits_and_false_alarms_are_the_surest_first_and_misses_the_least_probable():
    found = examples.outcomes(TRUTH, PROBS, GIVEN, IDS, NAMES)
    hits, misses = [("x", "hit", "a"), ("x", "hit", "b")], [("x", "miss", "e"), ("x", "miss", "c")]
    assert rows(found) == [*hits, *misses, ("x", "false_alarm", "d")]
    assert found["probability"].tolist() == [0.9, 0.6, 0.2, 0.3, 0.7]
    more = examples.outcomes(TRUTH, PROBS, np.ones_like(GIVEN), IDS, NAMES)
    assert [row for row in rows(more) if row[0] == "y"] == [("y", "false_alarm", i) for i in "abcde"]


def test_pictures_are_of_the_examples_and_then_of_the_most_mistakes():
    answers = JudgedAnswers(ids=tuple(IDS), names=tuple(NAMES), probs=PROBS, given=GIVEN, thresholds=None, truth=TRUTH)
    found = examples.outcomes(TRUTH, PROBS, GIVEN, IDS, NAMES)
    assert examples.pictured(answers, found, shown=1, most=4) == ["a", "e", "d", "c"]
    assert examples.pictured(answers, found, shown=2, most=1) == ["a", "b", "e", "c", "d"]  # the examples in any case


def test_without_the_truth_the_surest_are_shown():
    assert rows(examples.surest(PROBS, GIVEN, IDS, NAMES)) == [("x", "surest", i) for i in ("a", "d", "b")]
    assert rows(examples.choose(None, PROBS, GIVEN, IDS, NAMES)) == rows(examples.surest(PROBS, GIVEN, IDS, NAMES))


def test_label_errors_are_firmer_than_what_is_usual():
    # With the label, 0.5 is usual; without it 0.3. So d, at 0.7 without the label, is contradicted, and c and e, at 0.7
    # and 0.8 against it, are too; e is the firmest: 0.2 of 0.5, then c, 0.3 of 0.5. d has 0.3 of 0.3.
    found = examples.label_errors(TRUTH, PROBS, IDS, NAMES)
    assert rows(found) == [("x", "error", i) for i in ("e", "c", "d")]
    # A firmer usual prediction for the label makes d no longer firm enough.
    sure = PROBS.copy()
    sure[[0, 1], 0] = 1.0
    sure[[2, 4], 0] = 0.5
    assert rows(examples.label_errors(TRUTH, sure, IDS, NAMES)) == []


def test_maps_are_of_the_labels_with_most_hits():
    truth, given = np.array([[1, 1], [0, 1]]), np.array([[1, 1], [0, 1]])
    found = examples.choose(truth, [[0.9, 0.8], [0.1, 0.95]], given, ["a", "b"], NAMES)
    assert rows(examples.foremost(found, 5)) == [("y", "hit", "b"), ("x", "hit", "a")]
    assert rows(examples.foremost(found, 1)) == [("y", "hit", "b")]
