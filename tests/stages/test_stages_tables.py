"""Tables by hand, and what is said about wrong ones."""

import numpy as np
import pandas as pd
import pytest
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import antibody_splits, corrections, folds, leak, metadata, tables


def frame(rows: str, *columns: str) -> pd.DataFrame:
    return pd.DataFrame([row.split(",") for row in rows.split()], columns=list(columns))


def test_labels_are_sorted_once_and_antibodies_ranked_as_text() -> None:
    raw = pd.DataFrame({"Id": ["900_1_A1_1", "10000_1_A1_1_x", "900_2_B"], "Target": ["3 0 3", "27", "1"]})
    table = metadata.label_table(raw, external=True)
    assert table["Target"].tolist() == ["0 3", "27", "1"]
    assert table["antibody"].tolist() == [900, 10000, 900]
    assert table["antibody_code"].tolist() == [1, 0, 1]  # "10000" < "900"
    assert table[["Nucleoplasm", "Nucleoli fibrillar center", "Rods & rings"]].to_numpy().tolist() == [
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("ids", "targets", "culprit"),
    [(["7_a", "8_b"], ["0", "28"], "8_b: Target '28'"), (["7_a", "x_b"], ["0", "1"], "x_b"), (["7"], ["0"], "  7")],
)
def test_wrong_rows_are_named(ids: list[str], targets: list[str], culprit: str) -> None:
    with pytest.raises(InputError, match=culprit):
        metadata.label_table(pd.DataFrame({"Id": ids, "Target": targets}), external=True)


@pytest.mark.parametrize("ids", [["a", "b", "a"], ["a", ""], ["../a"], [".a"]])
def test_ids_must_be_unique_file_names(tmp_path, ids: list[str]) -> None:
    tree = DataTree(tmp_path)
    tree.train_csv.parent.mkdir()
    pd.DataFrame({"Id": ids, "Target": "0"}).to_csv(tree.train_csv, index=False)
    with pytest.raises(InputError, match="Ids"):
        metadata.read_raw(tree, "train")


def test_split_deals_out_every_row_once_and_labels_evenly() -> None:
    target = (np.random.default_rng(0).random((203, 28)) < 0.2).astype(np.uint8)
    made = folds.split(target, n_splits=4, seed=7)
    assert sorted(np.concatenate([valid for _, valid in made])) == list(range(203))
    for train, valid in made:
        assert set(train) | set(valid) == set(range(203))
        # Drawn blindly, these would differ by 2.2 on average.
        assert np.abs(target[valid].sum(axis=0) - target.sum(axis=0) / 4).mean() < 1.7
    other = MultilabelStratifiedKFold(n_splits=4, shuffle=True, random_state=7).split(target, target)
    assert all((a[1] == b[1]).all() for a, b in zip(made, other, strict=True))


@pytest.mark.parametrize("target", [np.zeros((3, 28)), np.full((9, 28), 2), np.zeros(9)])
def test_split_refuses_what_it_cannot_split(target: np.ndarray) -> None:
    with pytest.raises(InputError):
        folds.split(target)


def test_leaks_leave_the_folds() -> None:
    targets = pd.Series({"t1": "0", "t2": "0", "t3": "1", "e1": "0", "e2": "5", "e3": "1", "e4": "9"})
    matches = frame("t1,e1 t2,e2 t3,e3", "Train", "Extra")
    train = pd.DataFrame({"Id": ["t1", "t2", "e3"]})
    valid = pd.DataFrame({"Id": ["t3", "e1", "e2", "e4"]})
    # e2 contradicts t2; e1 gives away t1, which is on the train side; e3 agrees with t3, which is on the valid side.
    kept = folds.without_leaks(train, valid, matches, targets)
    assert [side["Id"].tolist() for side in kept] == [["t1", "t2", "e3"], ["t3", "e4"]]
    # On the other side e3 gives away t3, and an image that contradicts leaves the train side too.
    train, valid = pd.DataFrame({"Id": ["t3", "e2", "e1"]}), pd.DataFrame({"Id": ["t1", "t2", "e3"]})
    kept = folds.without_leaks(train, valid, matches, targets)
    assert [side["Id"].tolist() for side in kept] == [["t3", "e1"], ["t1", "t2"]]


def antibody_table() -> pd.DataFrame:
    ids = [f"{antibody}_{i}" for antibody, count in ((30, 9), (4, 3), (7, 4)) for i in range(count)]
    antibody = [int(i.split("_")[0]) for i in ids]
    return pd.DataFrame(
        {"Id": ids, "Target": [str(a % 28) for a in antibody], "External": True, "antibody": antibody}
    ).assign(antibody_code=lambda t: t["antibody"].map({30: 0, 4: 1, 7: 2}))


def test_a_quarter_of_each_antibody_is_held_out() -> None:
    train, valid = antibody_splits.split(antibody_table())
    assert train["antibody"].tolist() == [30] * 7 + [4] * 3 + [7] * 3
    assert valid["antibody"].tolist() == [30] * 2 + [7]
    assert sorted([*train["Id"], *valid["Id"]]) == sorted(antibody_table()["Id"])


def test_train_images_join_as_their_first_match() -> None:
    table = antibody_table()
    train, valid = table.iloc[:12], table.iloc[12:]  # antibody 7 is on the valid side only but for its last row
    train, valid = pd.concat([train, valid.tail(1)]), valid.head(3)
    matches = frame("b,7_0 a,30_3 a,4_0 c,30_5", "Train", "Extra")
    after, held_out = antibody_splits.exchange(train, valid, matches, set_aside=1000)
    joined = after[~after["External"]]
    assert joined["Id"].tolist() == ["b", "a", "c"]  # a tenth of three, rounded down, is set aside
    assert joined["antibody"].tolist() == [7, 30, 30]
    assert joined["Target"].tolist() == ["7", "2", "2"]
    assert joined["antibody_code"].tolist() == [2, 0, 0]
    assert not {"7_0", "30_3", "4_0", "30_5"} & {*after["Id"], *held_out["Id"]}
    assert len(antibody_splits.exchange(train, valid, matches, set_aside=2)[0]) == len(after) - 2


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ("3 0", "", "0 3"),
        ("0", "5 2", "2 5"),
        ("0 8", "5", "5 8"),  # a protected label stays
        ("0", "5 8", "5"),  # and does not come
        ("0", "20", "0"),  # nothing would be left
        ("8", "0 8", "0 8"),
    ],
)
def test_merge_by_hand(old: str, new: str, merged: str) -> None:
    assert corrections.merge(old, new) == merged


def test_contradicting_corrections_are_named_and_repeats_are_not() -> None:
    table = pd.DataFrame({"Id": ["1_a", "2_b"], "Target": ["0", "1"]})
    repeats = frame("1/a,5 1_a,5 9_z,3", "Id", "Target")
    assert corrections.correct(table, repeats)["Target"].tolist() == ["5", "1"]
    with pytest.raises(InputError, match=r"two different corrections.*\n  1_a"):
        corrections.correct(table, frame("1_a,5 1/a,6", "Id", "Target"))


def test_twins_must_be_external_images() -> None:
    external = antibody_table()
    twins = frame("s1,G1_30_2 s1,G1_4_0 s2,G2_7_1", "Test", "Extra")
    table = leak.labelled(twins, external)
    assert table.to_numpy().tolist() == [["s1", "2", False, 30, 0], ["s2", "7", False, 7, 2]]
    with pytest.raises(InputError, match="G3_9_9"):
        leak.labelled(frame("s1,G3_9_9", "Test", "Extra"), external)


def test_an_id_of_the_corrections_may_hold_a_slash_that_reads_as_an_underscore(tmp_path):
    tree = DataTree(tmp_path)
    row = {"Id": "67653_846_D9_2", "Target": "0", "External": True, "antibody": "67653", "antibody_code": 0}
    tables.write(tree.metadata("external"), pd.DataFrame([row]))
    tree.corrections_csv.parent.mkdir(parents=True)
    tree.corrections_csv.write_text("Id,Target\n67653/846_D9_2,25\n")
    corrections.run(tree)
    assert pd.read_parquet(tree.corrected)["Target"].tolist() == [corrections.merge("0", "25")]
