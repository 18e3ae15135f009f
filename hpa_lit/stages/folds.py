"""Stage folds (method 2.7): train and validation sides of five folds.

Inputs: the train and external tables, the matches between them. Outputs: tables/folds/<split>/fold<k>_<side>.parquet
for the splits random, random_ext, random_ext_noleak_clean and quick (fold 0 only), and the first test images.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from sklearn.model_selection import StratifiedGroupKFold

from hpa_lit import labels
from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree
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
    hot = _zero_one(target)
    if len(hot) < n_splits:
        raise InputError(f"{len(hot)} images cannot make {n_splits} folds")
    dealer = MultilabelStratifiedKFold(n_splits=n_splits, shuffle=True, random_state=seed)
    return [(np.asarray(train), np.asarray(valid)) for train, valid in dealer.split(np.zeros(len(hot)), hot)]


def split_groups(
    target: npt.ArrayLike, groups: Sequence[str], n_splits: int = 5, seed: int = 100
) -> list[tuple[Rows, Rows]]:
    """Split images into folds that keep each group on one side, every label spread as evenly as the groups allow.

    scikit-learn's StratifiedGroupKFold takes samples of one class. Here a sample is a pair of an image and one of its
    labels. Two classes are added: every image has the first, which evens out the sizes of the folds, and the second by
    the toss of a coin, so that another seed gives other folds.

    Of the 12,815 antibodies of the external list, a label's share of a fold is 1.1 % off a fifth on average and 12 % at
    worst, over labels of ten antibodies or more. By iterative stratification of antibodies, as `split` does with
    images, it is 4.3 % and 38 %, by GroupKFold 15 % and 79 % (`benchmarks/group_folds.py`).

    Args:
        target: 0/1 array of shape (N, labels).
        groups: Name of the group of each image, such as its well, plate or antibody.
        n_splits: Number of folds.
        seed: Of the tosses.

    Returns:
        The train rows and the valid rows of each fold, ascending.

    Raises:
        InputError: The lengths differ, an image has no group, or there are fewer groups than folds.
    """
    hot = _zero_one(target)
    if len(groups) != len(hot):
        raise InputError(f"{len(hot)} images and {len(groups)} groups: give one group for each image")
    if nameless := [f"row {row}" for row, group in enumerate(groups) if pd.isna(group) or not str(group).strip()]:
        raise InputError(f"{len(nameless)} images have no group, name one for each:\n{listing(nameless)}")
    names, group_of = np.unique([str(group) for group in groups], return_inverse=True)
    if len(names) < n_splits:
        raise InputError(f"{len(names)} groups cannot make {n_splits} folds: take fewer folds or smaller groups")
    # Not shuffle=True, which leaves unlike groups in place, and before scikit-learn 1.8 mixes up the groups' labels.
    tossed = np.random.default_rng(seed).integers(0, 2, len(hot))
    image, label = np.nonzero(np.column_stack([hot, np.ones(len(hot)), tossed]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # a label of fewer images than folds
        sides = list(StratifiedGroupKFold(n_splits).split(image, label, group_of[image]))
    return [(np.unique(image[train]), np.unique(image[valid])) for train, valid in sides]


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


def _zero_one(target: npt.ArrayLike) -> npt.NDArray[np.generic]:
    hot = np.asarray(target)
    if hot.ndim != 2 or not np.isin(hot, (0, 1)).all():
        raise InputError(f"labels must be 0/1 of shape (N, labels), not {hot.dtype} of shape {hot.shape}")
    return hot


def _hot(table: pd.DataFrame) -> npt.NDArray[np.uint8]:
    columns: Sequence[str] = labels.LABEL_NAMES
    return table[list(columns)].to_numpy()


def _write(tree: DataTree, name: str, fold: int, train: pd.DataFrame, valid: pd.DataFrame) -> None:
    columns = ["Id", "Target", "External"]
    tables.write(tree.fold(name, fold, "train"), train[columns])
    tables.write(tree.fold(name, fold, "valid"), valid[columns])
    print(f"folds: {name} fold {fold}: train {tables.counted(train)}; valid {tables.counted(valid)}")
