"""Stage folds (SPEC section 2.7): train and validation sides of five folds.

Inputs: the train and external tables, the matches between them. Outputs: tables/folds/<split>/fold<k>_<side>.parquet
for the splits random, random_ext, random_ext_noleak_clean and quick (fold 0 only), and the first test images.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

from hpa_lit import labels
from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree
from hpa_lit.stages import tables

QUICK = 160
Rows = npt.NDArray[np.int64]
Sides = tuple[pd.DataFrame, pd.DataFrame]  # train, valid


def split(target: npt.ArrayLike, n_splits: int = 5, seed: int = 100) -> list[tuple[Rows, Rows]]:
    """Split images into folds in which every label is spread evenly.

    Args:
        target: 0/1 array of shape (N, labels).
        n_splits: Number of folds.
        seed: Of the order in which rows are dealt out.

    Returns:
        The train rows and the valid rows of each fold, ascending.
    """
    hot = np.asarray(target)
    if hot.ndim != 2 or not np.isin(hot, (0, 1)).all():
        raise InputError(f"labels must be 0/1 of shape (N, labels), not {hot.dtype} of shape {hot.shape}")
    if len(hot) < n_splits:
        raise InputError(f"{len(hot)} images cannot make {n_splits} folds")
    dealer = MultilabelStratifiedKFold(n_splits=n_splits, shuffle=True, random_state=seed)
    return [(np.asarray(train), np.asarray(valid)) for train, valid in dealer.split(np.zeros(len(hot)), hot)]


def without_leaks(train: pd.DataFrame, valid: pd.DataFrame, matches: pd.DataFrame, targets: pd.Series) -> Sides:
    """Remove the external images of a fold that disagree with, or give away, a train image.

    An external image that shows the same field as a train image leaves both sides if their Targets differ. If they are
    equal, it leaves the valid side when its twin is on the train side.

    Args:
        train: Train side: Id, Target, External.
        valid: Valid side.
        matches: Pairs: Train, Extra.
        targets: Target of every train and external Id.
    """
    equal = matches["Train"].map(targets).to_numpy() == matches["Extra"].map(targets).to_numpy()
    contradicted = matches["Extra"][~equal]
    given_away = matches["Extra"][equal & matches["Train"].isin(train["Id"])]
    train = train[~train["Id"].isin(contradicted)]
    return train, valid[~valid["Id"].isin(contradicted) & ~valid["Id"].isin(given_away)]


def make(
    train: pd.DataFrame, external: pd.DataFrame, matches: pd.DataFrame, n_splits: int, seed: int
) -> dict[str, list[Sides]]:
    """Make every split, from metadata tables and the pairs Train, Extra: train rows always stand before external."""
    by_set = [
        [(table.iloc[kept], table.iloc[held_out]) for kept, held_out in split(_hot(table), n_splits, seed)]
        for table in (train, external)
    ]
    both = [
        (pd.concat([kept, kept_ext]), pd.concat([held_out, held_out_ext]))
        for (kept, held_out), (kept_ext, held_out_ext) in zip(*by_set, strict=True)
    ]
    targets = pd.concat([train, external]).set_index("Id")["Target"]
    quick = min(QUICK, len(train) // 2)
    return {
        "random": by_set[0],
        "random_ext": both,
        "random_ext_noleak_clean": [without_leaks(*sides, matches, targets) for sides in both],
        "quick": [(train.head(quick), train.tail(quick))],
    }


def run(tree: DataTree, n_splits: int, seed: int) -> None:
    """Write both sides of every fold of every split."""
    train, external = (tables.read(tree.metadata(s), "metadata") for s in ("train", "external"))
    splits = make(train, external, tables.read(tree.matches, "match"), n_splits, seed)
    for name, folds in splits.items():
        for fold, (kept, held_out) in enumerate(folds):
            _write(tree, name, fold, kept, held_out)
    tables.write(tree.quick_test, tables.read(tree.metadata("test"), "metadata").head(QUICK))


def _hot(table: pd.DataFrame) -> npt.NDArray[np.uint8]:
    columns: Sequence[str] = labels.LABEL_NAMES
    return table[list(columns)].to_numpy()


def _write(tree: DataTree, name: str, fold: int, train: pd.DataFrame, valid: pd.DataFrame) -> None:
    columns = ["Id", "Target", "External"]
    tables.write(tree.fold(name, fold, "train"), train[columns])
    tables.write(tree.fold(name, fold, "valid"), valid[columns])
    print(f"folds: {name} fold {fold}: train {tables.counted(train)}; valid {tables.counted(valid)}")
