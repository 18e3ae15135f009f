"""Stage verify (method 2.12): what every stage has made, beside what it should have.

Inputs: everything. On the real tables, what depends on tables alone must be the reference's, row for row; what depends
on pictures is reported with its difference.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import product
from pathlib import Path

import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree, ImageSet, Side, Version
from hpa_lit.files.writing import replacing
from hpa_lit.stages.images import OnMissing
from hpa_lit.stages.metadata import read_raw

SIDES: tuple[Side, Side] = ("train", "valid")
VERSIONS: tuple[Version, Version] = ("before", "after")


@dataclass(frozen=True)
class Verdict:
    """A line of the report."""

    what: str
    found: str
    remark: str = ""
    wrong: bool = False


def digest(table: pd.DataFrame) -> str:
    """SHA-256 of the lines ``Id Target``, in order, joined by newlines: the reference's fingerprint of a table."""
    return hashlib.sha256("\n".join(table["Id"] + " " + table["Target"]).encode()).hexdigest()


def expected() -> dict[str, dict[str, int | str]]:
    """Rows, and where they depend on tables alone digests, of the tables made from the real lists, by artifact."""
    text = resources.files("hpa_lit.stages").joinpath("atlas_v18.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]


def label_tables(tree: DataTree, n_splits: int) -> dict[str, tuple[Path, str]]:
    """Path and stage of every table of labels, by artifact."""
    found = {str(s): (tree.metadata(s), "metadata") for s in ("train", "external")}
    for split, fold, side in product(("random", "random_ext", "random_ext_noleak_clean"), range(n_splits), SIDES):
        found[f"{split}/fold{fold}_{side}"] = (tree.fold(split, fold, side), "folds")
    for version, side in product(VERSIONS, SIDES):
        found[f"antibody/{version}_{side}"] = (tree.antibody_split(version, side), "antibody_splits")
    return found | {"external_corrected": (tree.corrected, "corrections"), "test_leak": (tree.leak, "leak")}


def compare(what: str, table: pd.DataFrame, wanted: dict[str, int | str]) -> Verdict:
    """Judge a table by its rows and digest; without a digest a difference is told but not wrong."""
    difference = len(table) - int(wanted["rows"])
    rows = f"{len(table)} rows"
    if "digest" not in wanted:
        return Verdict(what, rows, f"{difference:+d} against the reference's {wanted['rows']}")
    if difference:
        return Verdict(what, rows, f"must be {wanted['rows']}", wrong=True)
    same = digest(table) == wanted["digest"]
    return Verdict(what, rows, "as the reference" if same else "other rows than the reference", wrong=not same)


def look_at_tables(tree: DataTree, n_splits: int) -> list[Verdict]:
    """Findings about every table; those of the real atlas are compared."""
    places = label_tables(tree, n_splits)
    tables = {what: pd.read_parquet(path) for what, (path, _) in places.items() if path.is_file()}
    wanted = expected()
    real = all(len(tables.get(name, ())) == wanted[name]["rows"] for name in ("train", "external"))
    verdicts = []
    for what, (_, stage) in places.items():
        if what not in tables:
            verdicts.append(Verdict(what, "absent", f"stage={stage} makes it", wrong=True))
        elif real and n_splits == 5 and what in wanted:
            verdicts.append(compare(what, tables[what], wanted[what]))
        else:
            verdicts.append(Verdict(what, f"{len(tables[what])} rows"))
    for path, stage, unit in ((tree.matches, "match", 1), (tree.test_matches, "match_test", 2)):
        if path.is_file():
            verdicts.append(Verdict(path.stem, f"{len(pd.read_parquet(path)) // unit} pairs"))
        else:
            verdicts.append(Verdict(path.stem, "absent", f"stage={stage} makes it", wrong=True))
    return verdicts


def look_at_images(tree: DataTree, sets: Sequence[ImageSet], sizes: Sequence[int], skip: bool) -> list[Verdict]:
    """How many images of each list there are."""
    verdicts = []
    for image_set, size in product(sets, sorted(set(sizes))):
        folder = tree.images(image_set, size)
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        ids = read_raw(tree, image_set)["Id"]
        missing = sum(f"{image_id}.tif" not in names for image_id in ids)
        remark = f"{missing} missing: stage=resize makes them" if missing else ""
        found = f"{len(ids) - missing} of {len(ids)} images"
        verdicts.append(Verdict(f"images/{size}/{image_set}", found, remark, wrong=bool(missing) and not skip))
    return verdicts


def look_at_statistics(tree: DataTree, size: int) -> Verdict:
    """The channel statistics of the prepared images."""
    path = tree.statistics(size)
    if not path.is_file():
        return Verdict(path.stem, "absent", "stage=statistics makes it", wrong=True)
    kept = json.loads(path.read_text())
    mean, std = (" ".join(f"{value:.6f}" for value in kept[key]) for key in ("mean", "std"))
    return Verdict(path.stem, f"{kept['images']} images", f"mean {mean}, std {std}")


def run(
    tree: DataTree, sets: Sequence[ImageSet], sizes: Sequence[int], size: int, n_splits: int, on_missing: OnMissing
) -> None:
    """Print all verdicts, and write them where nothing is wrong.

    Raises:
        InputError: Something is absent, or differs from the reference where it may not.
    """
    tree.verified.unlink(missing_ok=True)
    verdicts = look_at_images(tree, sets, sizes, on_missing == "skip")
    verdicts += [*look_at_tables(tree, n_splits), look_at_statistics(tree, size)]
    width = max(len(finding.what) for finding in verdicts)
    for finding in verdicts:
        print(f"verify: {finding.what:{width}}  {finding.found:>20}  {finding.remark}".rstrip())
    if wrong := [f"{finding.what}: {finding.found}: {finding.remark}" for finding in verdicts if finding.wrong]:
        raise InputError(f"verify: {len(wrong)} of {len(verdicts)} are not as they should be\n{listing(wrong)}")
    with replacing(tree.verified) as temporary:
        pd.DataFrame(verdicts).drop(columns="wrong").to_csv(temporary, index=False)
