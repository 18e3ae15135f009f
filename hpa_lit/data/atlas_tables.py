"""The tables of the prepared atlas, and the images that they name."""

from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path

import pandas as pd

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree, ImageSet, Side


def split_tables(tree: DataTree, split: str) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Training and validation table of every fold of a split, or of the one antibody split by the name ``antibody``.

    Raises:
        InputError: The split was not prepared.
    """
    if split == "antibody":
        return [(antibody_table(tree, "train"), antibody_table(tree, "valid"))]
    folds = [0, *takewhile(lambda fold: tree.fold(split, fold, "train").is_file(), count(1))]
    return [(fold_table(tree, split, fold, "train"), fold_table(tree, split, fold, "valid")) for fold in folds]


def fold_table(tree: DataTree, split: str, fold: int, side: Side) -> pd.DataFrame:
    """One side of a fold: Id, Target, External (method 2.7).

    Raises:
        InputError: It was not prepared; names the folds that were.
    """
    path = tree.fold(split, fold, side)
    if not path.is_file():
        ready = sorted({path.parent.name for path in path.parents[1].glob("*/fold*_train.parquet")})
        folds = sorted(path.stem.split("_")[0] for path in path.parent.glob("fold*_train.parquet"))
        there = f"{split} has {', '.join(folds)}" if folds else f"the prepared splits are {', '.join(ready) or 'none'}"
        raise InputError(
            f"there is no fold {fold} of split {split!r} under {path.parents[1]}: {there}; "
            f"choose another, or run python -m hpa_lit.prepare stage=folds paths.root={tree.root}"
        )
    return pd.read_parquet(path)


def antibody_table(tree: DataTree, side: Side) -> pd.DataFrame:
    """One side of the antibody split: Id, Target, External, antibody, antibody_code (method 2.9).

    Raises:
        InputError: It was not prepared.
    """
    return read_table(tree, tree.antibody_split("after", side), "[metadata,antibody_splits]")


def read_table(tree: DataTree, path: Path, stages: str) -> pd.DataFrame:
    """A table of the data folder.

    Raises:
        InputError: It is not there; names the stages that make it.
    """
    if not path.is_file():
        raise InputError(f"there is no {path}; run python -m hpa_lit.prepare stage={stages} paths.root={tree.root}")
    return pd.read_parquet(path)


def atlas_images(
    tree: DataTree, image_size: int, tables: Sequence[pd.DataFrame]
) -> dict[tuple[str, bool], rgby.ImageFiles]:
    """The files of train images, and of external ones where the tables have some, by (Id, External).

    Raises:
        InputError: There are no images of this size.
    """
    external = any(table["External"].any() for table in tables)
    images = {(i, False): files for i, files in rgby.list_images(image_folder(tree, "train", image_size)).items()}
    if external:
        images |= {
            (i, True): files for i, files in rgby.list_images(image_folder(tree, "external", image_size)).items()
        }
    return images


def image_folder(tree: DataTree, image_set: ImageSet, image_size: int) -> Path:
    """The folder of the images of a set.

    Raises:
        InputError: It is not there.
    """
    folder = tree.images(image_set, image_size)
    if not folder.is_dir():
        raise InputError(
            f"there is no image folder {folder}; run python -m hpa_lit.prepare stage=resize "
            f"'prepare.sizes=[{image_size}]' paths.root={tree.root}"
        )
    return folder
