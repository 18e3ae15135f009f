"""From tables to examples: a fold of the prepared atlas, or a folder with a label table."""

from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.data.check import locate
from hpa_lit.data.dataset import Examples
from hpa_lit.data.label_table import LabelTable
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.tree import DataTree, ImageSet, Side
from hpa_lit.labels import encode_all

Files = dict[str, rgby.ImageFiles]


def fold_examples(tree: DataTree, image_size: int, split: str, fold: int) -> tuple[Examples, Examples]:
    """Training and validation images of a fold, with targets (N, 28) (SPEC section 2, step 7).

    Raises:
        InputError: The fold was not prepared, or images of it are missing.
    """
    tables = [_fold_table(tree, split, fold, side) for side in ("train", "valid")]
    images = _atlas_images(tree, image_size, tables)
    targets = [encode_all(table["Target"].tolist()) for table in tables]
    train, valid = (_examples(table, t, images, tree, image_size) for table, t in zip(tables, targets, strict=True))
    return train, valid


def antibody_examples(tree: DataTree, image_size: int) -> tuple[Examples, Examples, int]:
    """Training and validation images of the antibody split, with targets (N,), and the number of antibodies.

    The number counts every antibody of the external metadata, so that codes mean the same in all runs (SPEC section 2,
    step 9).

    Raises:
        InputError: The split was not prepared, or images of it are missing.
    """
    tables = [_antibody_table(tree, side) for side in ("train", "valid")]
    metadata = _read(tree, tree.metadata("external"), "metadata")
    images = _atlas_images(tree, image_size, tables)
    train, valid = (
        _examples(table, table["antibody_code"].to_numpy(np.int64), images, tree, image_size) for table in tables
    )
    return train, valid, int(metadata["antibody_code"].max()) + 1


def folder_examples(
    folder: Path, table: LabelTable, sides: Sequence[npt.NDArray[np.intp]], channels: rgby.Channels = "rgby"
) -> tuple[Examples, Examples]:
    """Training and validation images of a folder.

    Args:
        folder: Where the images are.
        table: Their labels.
        sides: Rows of the table to train on, and rows to validate on.
        channels: The planes that are needed.

    Raises:
        InputError: Images of the table are missing.
    """
    files = locate(table.ids, folder_files(folder), str(folder), channels)
    train, valid = (
        Examples([table.ids[row] for row in rows], [files[row] for row in rows], table.labels[rows]) for rows in sides
    )
    return train, valid


def set_files(tree: DataTree, image_set: ImageSet, image_size: int) -> Files:
    """The files of each image of a set, labels or not, by Id; none for an image that is not there.

    Raises:
        InputError: The set was not prepared.
    """
    ids = _read(tree, tree.metadata(image_set), "metadata")["Id"].tolist()
    images = rgby.list_images(_folder(tree, image_set, image_size))
    return {image_id: images.get(image_id, {}) for image_id in sorted(ids)}


def valid_files(tree: DataTree, image_size: int, split: str, fold: int | None) -> Files:
    """The files of each image that a run was validated on, by Id; none for an image that is not there.

    Args:
        tree: The data folder.
        image_size: Side of the images.
        split: Name of the folds.
        fold: The fold; None means the antibody split.

    Raises:
        InputError: The split was not prepared.
    """
    table = _antibody_table(tree, "valid") if fold is None else _fold_table(tree, split, fold, "valid")
    return table_files(tree, image_size, [table])


def table_files(tree: DataTree, image_size: int, tables: Sequence[pd.DataFrame]) -> Files:
    """The files of each image of tables Id, External, by Id; none for an image that is not there.

    Raises:
        InputError: There are no images of this size.
    """
    images = _atlas_images(tree, image_size, tables)
    keys = {key for table in tables for key in zip(table["Id"], table["External"], strict=True)}
    return {key[0]: images.get(key, {}) for key in sorted(keys)}


def split_tables(tree: DataTree, split: str) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Training and validation table of every fold of a split, or of the one antibody split by the name ``antibody``.

    Raises:
        InputError: The split was not prepared.
    """
    if split == "antibody":
        return [(_antibody_table(tree, "train"), _antibody_table(tree, "valid"))]
    folds = [0, *takewhile(lambda fold: tree.fold(split, fold, "train").is_file(), count(1))]
    return [(_fold_table(tree, split, fold, "train"), _fold_table(tree, split, fold, "valid")) for fold in folds]


def folder_files(folder: Path) -> Files:
    """The files of each image in a folder, by Id.

    Raises:
        InputError: There is no image in it.
    """
    if not (found := rgby.list_images(folder)):
        there = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
        holds = ", ".join(there[:3]) + ", ..." * (len(there) > 3) if there else "nothing"
        raise InputError(
            f"there is no image in {folder}, which holds {holds}: expected <Id>.tif of four channels, or planes named "
            f"<Id>_<color> in {', '.join(rgby.SUFFIXES)}, color one of {', '.join(rgby.COLORS)}"
        )
    return found


def _fold_table(tree: DataTree, split: str, fold: int, side: Side) -> pd.DataFrame:
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


def _antibody_table(tree: DataTree, side: Side) -> pd.DataFrame:
    return _read(tree, tree.antibody_split("after", side), "[metadata,antibody_splits]")


def _read(tree: DataTree, path: Path, stages: str) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"there is no {path}; run python -m hpa_lit.prepare stage={stages} paths.root={tree.root}")
    return pd.read_parquet(path)


def _folder(tree: DataTree, image_set: ImageSet, image_size: int) -> Path:
    folder = tree.images(image_set, image_size)
    if not folder.is_dir():
        raise InputError(
            f"there is no image folder {folder}; run python -m hpa_lit.prepare stage=resize "
            f"'prepare.sizes=[{image_size}]' paths.root={tree.root}"
        )
    return folder


def _atlas_images(
    tree: DataTree, image_size: int, tables: Sequence[pd.DataFrame]
) -> dict[tuple[str, bool], rgby.ImageFiles]:
    external = any(table["External"].any() for table in tables)
    images = {(i, False): files for i, files in rgby.list_images(_folder(tree, "train", image_size)).items()}
    if external:
        images |= {(i, True): files for i, files in rgby.list_images(_folder(tree, "external", image_size)).items()}
    return images


def _examples(
    table: pd.DataFrame,
    targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64],
    images: Mapping[tuple[str, bool], rgby.ImageFiles],
    tree: DataTree,
    image_size: int,
) -> Examples:
    ids = table["Id"].tolist()
    wanted = dict.fromkeys(zip(ids, table["External"].tolist(), strict=True))
    there = {image_id: images[image_id, external] for image_id, external in wanted if (image_id, external) in images}
    return Examples(ids, locate(ids, there, str(tree.images("train", image_size).parent)), targets)
