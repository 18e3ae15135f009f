"""Found cells beside true ones, from files."""

import json

import numpy as np
import pandas as pd
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files import label_image
from hpa_lit.results.answers import Answers
from hpa_lit.results.cell_scores import CellScores, known_cells

MASK = np.repeat(np.uint16([[1, 2, 0, 3]]), 4, axis=0).repeat(4, axis=1)


@pytest.fixture
def truth(tmp_path):
    """A field of three cells."""
    (tmp_path / "cells").mkdir()
    label_image.write(tmp_path / "cells" / "a.tif", MASK)
    label_image.write(tmp_path / "found.tif", np.where(MASK == 3, 0, MASK))
    rows = [("a", 1, "25"), ("a", 2, "0 25"), ("a", 3, ""), ("other", 1, "0")]
    pd.DataFrame(rows, columns=["Id", "cell", "Target"]).to_csv(tmp_path / "cells.csv", index=False)
    return tmp_path


def said(names, probs):
    probs = np.array(probs, np.float64)
    return Answers(ids=("a/1", "a/2"), names=names, probs=probs, given=probs > 0.5, thresholds=None)


def test_labels_are_locations_where_the_cells_answers_are(truth):
    """Cytosol alone is asked for: both cells have it; one is sure, one is not: errors of 0.1 and 0.6."""
    cells = known_cells(truth, {"a": truth / "found.tif"}, said(("Cytosol",), [[0.9], [0.4]]))
    np.testing.assert_array_equal(cells.fields[0].truth, [[1], [1], [0]])
    scores = cells.scores()
    assert (scores.true_cells, scores.found_cells) == (3, 2)
    assert scores.segmentation_precision == pytest.approx(2 / 3)
    assert scores.mean_average_precision == 1
    assert scores.calibration_error == pytest.approx(0.35)


def test_a_cell_that_nothing_is_said_of_is_found_but_teaches_nothing(truth):
    """Of the second cell, which has Cytosol, nothing is known: it comes last; the first alone has an error, of 0.1."""
    cells = said(("Cytosol",), [[0.9], [np.nan]])
    scores = known_cells(truth, {"a": truth / "found.tif"}, cells).scores()
    assert (scores.found_cells, scores.mean_average_precision) == (2, 1)
    assert scores.calibration_error == pytest.approx(0.1)


def test_scores_come_back_from_json(truth):
    """Of a label that no cell has there is no precision, and of none of such labels no mean."""
    scores = known_cells(truth, {"a": truth / "found.tif"}, said(("Golgi apparatus",), [[0.9], [0.4]])).scores()
    again = CellScores.of(json.loads(json.dumps(scores.to_dict(), allow_nan=False)))
    assert np.isnan(again.mean_average_precision)
    assert str(again) == str(scores)
    pd.testing.assert_frame_equal(again.labels, scores.labels, check_dtype=False)


def test_labels_of_ones_own_are_places(truth):
    table = pd.read_csv(truth / "cells.csv", keep_default_na=False)
    table.assign(Target=["0", "0 1", "", "1"]).to_csv(truth / "cells.csv", index=False)
    cells = known_cells(truth, {"a": truth / "found.tif"}, said(("bright", "dark"), [[0.9, 0.1], [0.4, 0.2]]))
    np.testing.assert_array_equal(cells.fields[0].truth, [[1, 0], [1, 1], [0, 0]])


def test_a_truth_that_does_not_fit_is_refused(truth):
    cells = said(("Cytosol",), [[0.9], [0.4]])
    with pytest.raises(InputError, match="knows none of the fields"):
        known_cells(truth, {}, cells)
    table = pd.read_csv(truth / "cells.csv", keep_default_na=False)
    table[table["cell"] != 3].to_csv(truth / "cells.csv", index=False)
    with pytest.raises(InputError, match=r"has no row for 1 cells:\n  a cell 3"):
        known_cells(truth, {"a": truth / "found.tif"}, cells)
    table.drop(columns="Target").to_csv(truth / "cells.csv", index=False)
    with pytest.raises(InputError, match="has no column Target"):
        known_cells(truth, {"a": truth / "found.tif"}, cells)
