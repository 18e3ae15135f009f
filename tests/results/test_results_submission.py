"""Submissions, replaced answers and label changes equal to the reference's."""

import json

import numpy as np
import pandas as pd
import pytest

from hpa_lit.labels import LABEL_NAMES
from hpa_lit.results import submission, tables, thresholds


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "ensemble.npz")


@pytest.mark.parametrize("name", ["fold0_maximum", "fold0_average", "fold1_maximum", "fold2_maximum", "final"])
def test_submissions_equal_the_reference(arrays, golden, name):
    if name == "final":
        probs, expected_thresholds = arrays["fold_mean_after_duplicates"], arrays["threshold_final"]
    else:
        fold, how = int(name[4]), name[6:]
        probs, expected_thresholds = arrays[f"whole_{how}"][fold], arrays[f"threshold_{how}_per_fold"][fold]
    limits = thresholds.ratio(probs, arrays["ratio_used"])
    assert limits.tolist() == expected_thresholds.tolist()
    answers = submission.to_strings(probs, limits)
    table = submission.in_order(arrays["test_ids"].tolist(), answers, arrays["submission_order_ids"].tolist())
    table = submission.with_answers(table, tables.answers(golden / "ensemble_test_leak.csv"), 28)
    expected = submission.read_submission(golden / f"ensemble_submission_{name}.csv")
    pd.testing.assert_frame_equal(table, expected)


def test_replacement_by_neighbours_equals_the_reference(golden):
    before = submission.read_submission(golden / "modify_in_results.csv")
    match = tables.read(golden / "modify_in_match.csv", ["Id", "train_id", "train_target"])
    # The atlas's labels are corrected beforehand; correcting them once more changes nothing.
    corrected = tables.answers(golden / "correct_out.csv")
    answers = {row.Id: corrected.get(row.train_id, row.train_target) for row in match.itertuples()}
    after = submission.with_answers(before, answers, 28)
    pd.testing.assert_frame_equal(after, submission.read_submission(golden / "modify_out.csv"))
    expected = json.loads((golden / "correct_modify.json").read_text())["per_label"]
    for row in submission.changes(before, after, LABEL_NAMES).itertuples():
        one = expected[row.label]
        assert (row.before, row.after) == (one["before"], one["after"])
        assert (row.increase, -row.decrease) == (one["increase"], one["decrease"])


def test_strings_and_rows_are_inverse():
    rows = np.random.default_rng(0).integers(0, 2, (50, 28))
    assert (
        submission.to_rows(submission.to_strings(rows, np.full(28, 0.5), always_top=False), 28).tolist()
        == rows.tolist()
    )


def test_wide_table_says_the_answer_in_words():
    table = pd.DataFrame({"Id": ["x", "y"], "Predicted": ["0 25", ""]})
    wide = submission.wide(table, LABEL_NAMES, np.full((2, 28), 0.25))
    assert wide.locations.tolist() == ["Nucleoplasm, Cytosol", ""]
    assert wide["Cytosol"].tolist() == [1, 0]
    assert wide["Cytosol probability"].tolist() == [0.25, 0.25]


def test_written_and_read_again_an_empty_answer_stays_empty(tmp_path):
    table = pd.DataFrame({"Id": ["1", "NA"], "Predicted": ["", "3"]})
    submission.write(tmp_path / "submission.csv", table)
    pd.testing.assert_frame_equal(submission.read_submission(tmp_path / "submission.csv"), table)


def test_ids_must_be_the_samples():
    with pytest.raises(ValueError, match=r"2 places:\n  b was not predicted\n  c is not in the sample"):
        submission.in_order(["a", "c"], ["0", "0"], ["a", "b"])
    with pytest.raises(ValueError, match="nobody"):
        submission.with_answers(pd.DataFrame({"Id": ["a"], "Predicted": ["0"]}), {"nobody": "1"}, 28)


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "call", "message"),
    [
        ("Id,Labels\na,0\n", lambda p: tables.answers(p), "no column Target; it has Id, Labels"),
        ("Id,Target\na,0\na,1\n", lambda p: tables.answers(p), "repeated:\n  a"),
        ("Id,Target\na,0\n", lambda p: tables.targets([p], ["a", "b"], 28), "no Target in .*:\n  b"),
        ("Id,Target\na,0\n", lambda p: tables.targets([p, p], ["a"], 28), "in two of"),
        ("Id,Target\na,28\n", lambda p: tables.targets([p], ["a"], 28), "Id a: .*'28'"),
        ("Id,Target\n", lambda p: tables.frequencies(p, 28), "no rows"),
        ("label,ratio\nA,0.1\n", lambda p: tables.by_label(p, "ratio", ["A", "B"]), "B is absent"),
        ("label,ratio\nA,0.1\nC,0.1\n", lambda p: tables.by_label(p, "ratio", ["A"]), "C is no label"),
        ("label,ratio\nA,nan\n", lambda p: tables.by_label(p, "ratio", ["A"]), "ratio of A is nan"),
        ("label,ratio\nA,much\n", lambda p: tables.by_label(p, "ratio", ["A"]), "much"),
        ("Id\n", lambda p: tables.pairs(p), "Test1, Test2"),
        ("", lambda p: tables.ids(p), "no CSV: it is empty"),
        ("Id\n", lambda p: tables.ids(p.with_name("absent.csv")), "there is no table"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, call, message):
    with pytest.raises(ValueError, match=message):
        call(write(tmp_path / "table.csv", text))


def test_numbers_by_label_come_in_the_labels_order(tmp_path):
    path = write(tmp_path / "ratios.csv", "label,ratio\nB,0.2\nA,0.1\n")
    assert tables.by_label(path, "ratio", ["A", "B"]).tolist() == [0.1, 0.2]


def test_frequencies_equal_the_reference_on_the_real_table(shared, golden):
    found = tables.frequencies(shared / "data" / "tables" / "train.csv", 28)
    np.testing.assert_allclose(found, np.load(golden / "thresholds.npz")["train_frequency"], atol=1e-15)
