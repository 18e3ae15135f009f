"""The gate of a field over its cells, and how these differ, by hand."""

import numpy as np
import pytest
from small_run import DECISION

from hpa_lit.results.answers import Answers
from hpa_lit.results.cells import decided, gate, variation, variations
from hpa_lit.results.decision import Calibration

NAMES = ("Golgi", "Cytosol", "Nuclei")


def said(ids, probs, given):
    names = NAMES[: len(probs[0])]
    return Answers(ids=ids, names=names, probs=np.array(probs), given=np.array(given, np.uint8), thresholds=None)


def test_a_cell_has_what_it_shows_of_what_its_field_has():
    fields = said(("a", "b"), [[0.5, 0.8, 0.1], [1, 1, 1]], [[1, 1, 0], [0, 0, 1]])
    probs = np.array([[0.4, 0.5, 0.9], [0.1, 0.6, 0.0], [0.2, 0.9, 0.7]])
    found = gate(fields, said(("a/1", "a/10", "b/2"), probs, probs > 0.3))
    np.testing.assert_allclose(found.probs, [[0.2, 0.4, 0.09], [0.05, 0.48, 0], [0.2, 0.9, 0.7]])
    np.testing.assert_array_equal(found.given, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])


def test_a_field_that_failed_says_nothing_of_its_cells():
    found = gate(said(("a",), [[np.nan, np.nan]], [[0, 0]]), said(("a/1",), [[0.8, 0.8]], [[1, 1]]))
    assert np.isnan(found.probs).all()
    assert not found.given.any()


def test_a_decision_about_cells_gives_what_passes_its_thresholds_of_what_the_field_has():
    """At a temperature of a half, log-odds double: 0.8 is 16 / 17, 0.2 is 1 / 17, 0.75 is 0.9."""
    fields = said(("a",), [[1.0, 1.0, 1.0]], [[1, 1, 0]])
    gated = said(("a/1", "a/2"), [[0.8, 0.2, 0.8], [0.75, 0.5, 0.2]], [[0, 0, 0], [0, 0, 0]])
    halved = (Calibration(method="temperature", temperature=0.5),) * 3
    decision = DECISION.model_copy(update={"labels": NAMES, "calibration": halved, "thresholds": (0.92, 0.4, 0.4)})
    found = decided(fields, gated, decision)
    np.testing.assert_allclose(found.probs, [[16 / 17, 1 / 17, 16 / 17], [0.9, 0.5, 1 / 17]])
    np.testing.assert_array_equal(found.given, [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(decided(fields, gated, decision, 0.85).given, [[1, 0, 0], [1, 0, 0]])


def test_variation_by_hand():
    """A quarter of the cells has the first label: 0.811 bits; all have the second: none."""
    given = np.array([[True, True, False], [False, True, True], [False, True, False], [False, True, False]])
    found = variation(np.array([True, True, False]), given)
    np.testing.assert_array_equal(found.share, [0.25, 1, 0.25])
    assert found.entropy == pytest.approx(0.8112781 / 2)
    assert found.differ
    assert found.in_words(NAMES) == "Cytosol 1.00, Golgi 0.25"
    alike = variation(np.array([False, True, False]), given)
    assert (alike.entropy, alike.differ) == (0, False)


@pytest.mark.parametrize(("field", "cells"), [([True, False, False], 0), ([False] * 3, 2)], ids=["no cell", "no label"])
def test_nothing_is_said_of_how_nothing_differs(field, cells):
    found = variation(np.array(field), np.zeros((cells, 3), bool))
    assert np.isnan(found.entropy)
    assert not found.differ
    assert found.in_words(NAMES) == ""


def test_cells_at_the_border_do_not_count_in_how_their_field_varies():
    fields = said(("a", "b"), [[0.5, 1.0], [1.0, 0.5]], [[1, 0], [1, 1]])
    cells = said(("a/1", "a/10", "b/2"), [[0, 0]] * 3, [[1, 0], [0, 0], [1, 1]])
    first, second = variations(fields, cells, [True, False, True])
    np.testing.assert_array_equal(first.share, [1, 0])
    np.testing.assert_array_equal(second.share, [1, 1])
