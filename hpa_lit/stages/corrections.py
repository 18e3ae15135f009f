"""Stage corrections (method 2.10): better labels for external images.

Inputs: the external table, raw/train_extra.csv. Output: tables/external_corrected.parquet.
"""

import pandas as pd

from hpa_lit import labels
from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import tables
from hpa_lit.stages.antibody_splits import COLUMNS

PROTECTED = (8, 9, 10, 20, 26)  # peroxisomes, endosomes, lysosomes, lipid droplets, cytoplasmic bodies


def merge(old: str, new: str) -> str:
    """Replace a Target, but for the protected labels, which stay as they were.

    Args:
        old: Target to correct.
        new: Its correction; empty where there is none.

    Returns:
        Ascending indices; the old ones where nothing would be left.
    """
    before = labels.encode(old)
    if not new.strip():
        return labels.decode(before)
    after = labels.encode(new)
    after[list(PROTECTED)] = before[list(PROTECTED)]
    return labels.decode(after if after.any() else before)


def correct(table: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Correct the Targets of a table.

    Args:
        table: Id, Target and more.
        corrections: Id, Target. ``/`` in an Id reads ``_``; an empty Target corrects nothing.

    Raises:
        InputError: Two different Targets for one Id, or a Target that holds something else than label indices.
    """
    new = corrections.assign(Id=corrections["Id"].str.replace("/", "_"))
    new = new.assign(Target=[_normal(i, target) for i, target in zip(new["Id"], new["Target"], strict=True)])
    new = new.drop_duplicates()
    if len(twice := new["Id"][new["Id"].duplicated()].unique()):
        raise InputError(f"{len(twice)} Ids have two different corrections; keep one each:\n{listing(list(twice))}")
    targets = table["Id"].map(new.set_index("Id")["Target"]).fillna("")
    return table.assign(Target=[merge(old, new) for old, new in zip(table["Target"], targets, strict=True)])


def run(tree: DataTree) -> None:
    """Write the external table with corrected labels."""
    table = tables.read(tree.metadata("external"), "metadata")[COLUMNS]
    corrected = correct(table, tables.read_csv(tree.corrections_csv, ["Id", "Target"]))
    tables.write(tree.corrected, corrected)
    changed = int((corrected["Target"] != table["Target"]).sum())
    print(f"corrections: {changed} of {len(table)} external Targets changed")


def _normal(image_id: str, target: str) -> str:
    try:
        return labels.decode(labels.encode(target)) if target.strip() else ""
    except InputError as error:
        raise InputError(f"correction of {image_id}: {error}") from error
