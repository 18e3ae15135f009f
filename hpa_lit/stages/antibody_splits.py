"""Stage antibody_splits (method 2.9): training and validation sides for metric learning.

Inputs: the train and external tables, the matches between them.
Outputs: tables/antibody/<before|after>_<side>.parquet.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from hpa_lit.files.data_tree import DataTree, Version
from hpa_lit.stages import tables

COLUMNS = ["Id", "Target", "External", "antibody", "antibody_code"]


def split(table: pd.DataFrame, seed: int = 100) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out a quarter, rounded down, of the images of every antibody.

    Args:
        table: External images, with a column antibody.
        seed: Of the draw, the same for every antibody.

    Returns:
        The train and the valid rows: antibodies in order of first appearance, rows of one as they are drawn.
    """
    kept: list[int] = []
    held_out: list[int] = []
    for rows in map(np.asarray, table.groupby("antibody", sort=False).indices.values()):
        train, valid = _draw(len(rows), seed)
        kept += rows[train].tolist()
        held_out += rows[valid].tolist()
    return table.iloc[kept], table.iloc[held_out]


@cache  # antibodies with as many images draw alike
def _draw(count: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    everything = np.arange(count)
    if count < 4:
        return everything, everything[:0]
    train, valid = train_test_split(everything, test_size=count // 4, random_state=seed)
    return train, valid


def exchange(
    train: pd.DataFrame, valid: pd.DataFrame, matches: pd.DataFrame, set_aside: int = 1000, seed: int = 100
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Replace external images by the train images that show the same fields.

    The matched external images leave both sides. Every matched train image joins the train side, once, as an image of
    its first match's antibody, with the Target and code of that antibody's first row there. Some of them are then set
    aside altogether.

    Args:
        train: Train side of `split`, columns `COLUMNS`.
        valid: Valid side of `split`.
        matches: Pairs: Train, Extra.
        set_aside: How many train images to set aside; a tenth of them where there are not more than that.
        seed: Of the draw of those.

    Returns:
        The new train and valid sides.
    """
    antibody = pd.concat([train, valid]).set_index("Id")["antibody"]
    first = train.drop_duplicates("antibody").set_index("antibody")
    twins = matches.drop_duplicates("Train")
    joined = pd.DataFrame(
        {"Id": twins["Train"].to_numpy(), "External": False, "antibody": twins["Extra"].map(antibody).to_numpy()}
    )
    joined = joined.join(first[["Target", "antibody_code"]], on="antibody")[COLUMNS]
    candidates = np.sort(joined["Id"].to_numpy(dtype=object))
    count = set_aside if len(candidates) > set_aside else len(candidates) // 10
    aside = np.random.RandomState(seed).choice(candidates, count, replace=False)
    train, valid = (side[~side["Id"].isin(matches["Extra"])] for side in (train, valid))
    return pd.concat([train, joined[~joined["Id"].isin(aside)]], ignore_index=True), valid


def run(tree: DataTree, set_aside: int, seed: int) -> None:
    """Write both sides before and after the exchange."""
    external = tables.read(tree.metadata("external"), "metadata")[COLUMNS]
    matches = tables.read(tree.matches, "match")
    before = split(external, seed)
    after = exchange(*before, matches, set_aside, seed)
    versions: dict[Version, tuple[pd.DataFrame, pd.DataFrame]] = {"before": before, "after": after}
    for version, (train, valid) in versions.items():
        tables.write(tree.antibody_split(version, "train"), train)
        tables.write(tree.antibody_split(version, "valid"), valid)
        print(f"antibody_splits: {version} exchange: train {tables.counted(train)}; valid {tables.counted(valid)}")
