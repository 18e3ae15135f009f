"""Tables against the reference's, on the real lists."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hpa_lit.stages import antibody_splits, corrections, folds, leak, metadata, verify


def same_rows(table: pd.DataFrame, wanted: dict[str, Any]) -> None:
    assert len(table) == wanted["rows"]
    assert hashlib.sha256("\n".join(table["Id"]).encode()).hexdigest() == wanted["ids_sha256"]
    assert verify.digest(table) == wanted["id_target_sha256"]
    assert table["External"].sum() == wanted["external_rows"]


def same_cells(table: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert table[list(wanted.columns)].astype(str).to_numpy().tolist() == wanted.astype(str).to_numpy().tolist()


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "golden" / "splits.json").read_text())["full"]


@pytest.fixture(scope="module")
def train(shared: Path) -> pd.DataFrame:
    return metadata.label_table(pd.read_csv(shared / "data" / "tables" / "train.csv"), external=False)


@pytest.fixture(scope="module")
def external(shared: Path) -> pd.DataFrame:
    return metadata.label_table(pd.read_csv(shared / "data" / "tables" / "HPAv18RBGY_wodpl.csv"), external=True)


@pytest.fixture(scope="module")
def matches(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "golden" / "splits_match_full.csv")


def test_metadata_of_the_real_lists(train: pd.DataFrame, external: pd.DataFrame, reference: dict[str, Any]) -> None:
    for table, wanted in ((train, reference["train_meta"]), (external, reference["external_meta"])):
        same_rows(table, wanted)
        assert set(table.columns) == set(wanted["columns"])
        assert table.iloc[:, 3:31].sum().tolist() == wanted["label_counts"]
    by_code = external.drop_duplicates("antibody_code").sort_values("antibody_code")
    antibodies = by_code["antibody"].tolist()
    assert antibodies[:10] == reference["external_meta"]["antibody_of_first_10_codes"]
    assert antibodies[-3:] == reference["external_meta"]["antibody_of_last_3_codes"]
    text = "\n".join(map(str, antibodies))
    assert hashlib.sha256(text.encode()).hexdigest() == reference["external_meta"]["antibody_by_code_sha256"]


def test_folds_of_the_real_lists(
    train: pd.DataFrame, external: pd.DataFrame, matches: pd.DataFrame, reference: dict[str, Any]
) -> None:
    made = folds.make(train, external, matches, 5, 100)
    for name in ("random", "random_ext", "random_ext_noleak_clean"):
        for sides, wanted in zip(made[name], reference[f"{name}_folds5"], strict=True):
            same_rows(sides[0], wanted["train"])
            same_rows(sides[1], wanted["valid"])


def test_antibody_splits_of_the_real_lists(
    external: pd.DataFrame, matches: pd.DataFrame, reference: dict[str, Any]
) -> None:
    before = antibody_splits.split(external[antibody_splits.COLUMNS])
    same_rows(before[0], reference["external_trainset_antibody_split"])
    same_rows(before[1], reference["external_validset_antibody_split"])
    after = antibody_splits.exchange(*before, matches)
    same_rows(after[0], reference["external_tr_trainset_antibody_split"])
    same_rows(after[1], reference["external_tr_validset_antibody_split"])


def test_leak_list_of_the_real_tables(shared: Path, external: pd.DataFrame) -> None:
    table = leak.labelled(pd.read_csv(shared / "golden" / "leak_in.csv"), external)
    same_cells(table, pd.read_csv(shared / "golden" / "leak_out.csv"))


def test_corrections_equal_the_reference(golden: Path) -> None:
    new = pd.read_csv(golden / "correct_in_train_extra.csv", dtype=str, keep_default_na=False)
    table = corrections.correct(pd.read_csv(golden / "correct_in_split.csv"), new)
    same_cells(table, pd.read_csv(golden / "correct_out.csv"))
