"""Stage leak (method 2.11): test images whose labels are known from their external twins.

Inputs: the external table, the raw list of twins. Output: tables/test_leak.parquet.
"""

import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import tables
from hpa_lit.stages.antibody_splits import COLUMNS


def labelled(twins: pd.DataFrame, external: pd.DataFrame) -> pd.DataFrame:
    """Give test images the labels of their twins.

    Args:
        twins: Test, Extra: an external Id with a gene and ``_`` before it. The first row of a test Id counts.
        external: Columns `COLUMNS`.

    Returns:
        A row a test image, columns `COLUMNS`, External false.

    Raises:
        InputError: Names the twins that are no external images.
    """
    first = twins.drop_duplicates("Test")
    extra = first["Extra"].str.split("_", n=1).str[-1]
    if len(unknown := first["Extra"][~extra.isin(external["Id"])]):
        raise InputError(f"{len(unknown)} twins are no external images:\n{listing(list(unknown))}")
    rows = external.set_index("Id").loc[extra.tolist()].reset_index(drop=True)
    return rows.assign(Id=first["Test"].to_numpy(), External=False)[COLUMNS]


def run(tree: DataTree) -> None:
    """Write the test images with known labels."""
    twins = tables.read_csv(tree.leak_csv, ["Test", "Extra"])
    table = labelled(twins, tables.read(tree.metadata("external"), "metadata"))
    tables.write(tree.leak, table)
    print(f"leak: {len(table)} test images have an external twin")
