import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import antibody_splits, folds, metadata, tables, verify


def test_expected_values_are_the_reference_s(shared: Path) -> None:
    reference = json.loads((shared / "golden" / "splits.json").read_text())["full"]
    wanted = verify.expected()
    assert wanted["train"]["digest"] == reference["train_meta"]["id_target_sha256"]
    assert wanted["external"]["rows"] == 74606
    for name, fold in (("random", 3), ("random_ext", 1)):
        assert wanted[f"{name}/fold{fold}_valid"] == {
            "rows": reference[f"{name}_folds5"][fold]["valid"]["rows"],
            "digest": reference[f"{name}_folds5"][fold]["valid"]["id_target_sha256"],
        }


@pytest.mark.slow
def test_real_tables_are_held_against_the_reference(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = DataTree(tmp_path)
    tree.train_csv.parent.mkdir()
    real = shared / "data" / "tables"
    for path in (tree.train_csv, tree.external_csv, tree.sample_submission):
        path.symlink_to(real / path.name)
    metadata.run(tree, ["train", "test", "external"])
    tables.write(tree.matches, pd.read_csv(shared / "golden" / "splits_match_full.csv"))
    folds.run(tree, 5, 100)
    antibody_splits.run(tree, 1000, 100)
    capsys.readouterr()
    found = {finding.what: finding for finding in verify.look_at_tables(tree, 5)}
    assert [what for what, finding in found.items() if finding.wrong] == [
        "external_corrected",
        "test_leak",
        "test_matches",
    ]
    assert found["random_ext/fold4_train"].remark == "as the reference"
    assert found["antibody/after_train"].remark == "-1158 against the reference's 61147"
    # A row of another fold in a table is noticed though the number of rows is right.
    path = tree.fold("random", 0, "valid")
    other = pd.read_parquet(path)
    other.loc[0] = pd.read_parquet(tree.fold("random", 1, "valid")).loc[0]
    tables.write(path, other)
    with pytest.raises(InputError, match="random/fold0_valid: 6150 rows: other rows than the reference"):
        verify.run(tree, [], [], 512, 5, "error")


def test_compare_by_hand() -> None:
    table = pd.DataFrame({"Id": ["a", "b"], "Target": ["0", "1 2"]})
    digest = "a" * 64
    assert verify.digest(table) == hashlib.sha256(b"a 0\nb 1 2").hexdigest()
    assert verify.compare("x", table, {"rows": 2, "digest": verify.digest(table)}) == verify.Verdict(
        "x", "2 rows", "as the reference"
    )
    assert verify.compare("x", table, {"rows": 2, "digest": digest}).wrong
    assert verify.compare("x", table, {"rows": 3, "digest": digest}).wrong
    assert verify.compare("x", table, {"rows": 3}) == verify.Verdict("x", "2 rows", "-1 against the reference's 3")
