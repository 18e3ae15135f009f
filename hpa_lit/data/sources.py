"""From tables to examples: a fold of the prepared atlas, or a folder with a label table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit import rgby
from hpa_lit.data.check import locate
from hpa_lit.data.dataset import Examples
from hpa_lit.data.label_table import LabelTable
from hpa_lit.errors import InputError
from hpa_lit.labels import encode_all
from hpa_lit.tree import DataTree


def fold_examples(tree: DataTree, image_size: int, split: str, fold: int) -> tuple[Examples, Examples]:
    """Training and validation images of a fold, with targets (N, 28) (SPEC section 2, step 7).

    Raises:
        InputError: The fold was not prepared, or images of it are missing.
    """
    paths = [tree.fold(split, fold, side) for side in ("train", "valid")]
    if not paths[0].is_file():
        ready = sorted({path.parent.name for path in paths[0].parents[1].glob("*/fold*_train.parquet")})
        folds = sorted(path.stem.split("_")[0] for path in paths[0].parent.glob("fold*_train.parquet"))
        there = f"{split} has {', '.join(folds)}" if folds else f"the prepared splits are {', '.join(ready) or 'none'}"
        raise InputError(
            f"there is no fold {fold} of split {split!r} under {paths[0].parents[1]}: {there}; "
            f"choose another, or run python -m hpa_lit.prepare stage=folds paths.root={tree.root}"
        )
    tables = [pd.read_parquet(path) for path in paths]
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
    paths = [tree.antibody_split("after", side) for side in ("train", "valid")]
    for path in (*paths, tree.metadata("external")):
        if not path.is_file():
            raise InputError(
                f"there is no {path}; run python -m hpa_lit.prepare stage=[metadata,antibody_splits] "
                f"paths.root={tree.root}"
            )
    tables = [pd.read_parquet(path) for path in paths]
    images = _atlas_images(tree, image_size, tables)
    train, valid = (
        _examples(table, table["antibody_code"].to_numpy(np.int64), images, tree, image_size) for table in tables
    )
    codes = pd.read_parquet(tree.metadata("external"), columns=["antibody_code"])["antibody_code"]
    return train, valid, int(codes.max()) + 1


def folder_examples(
    folder: Path, table: LabelTable, sides: Sequence[npt.NDArray[np.intp]]
) -> tuple[Examples, Examples]:
    """Training and validation images of a folder.

    Args:
        folder: Where the images are.
        table: Their labels.
        sides: Rows of the table to train on, and rows to validate on.

    Raises:
        InputError: Images of the table are missing.
    """
    files = locate(table.ids, rgby.list_images(folder), str(folder))
    train, valid = (
        Examples([table.ids[row] for row in rows], [files[row] for row in rows], table.labels[rows]) for rows in sides
    )
    return train, valid


def _atlas_images(
    tree: DataTree, image_size: int, tables: Sequence[pd.DataFrame]
) -> dict[tuple[str, bool], rgby.ImageFiles]:
    external = any(table["External"].any() for table in tables)
    images = {(i, False): files for i, files in rgby.list_images(tree.images("train", image_size)).items()}
    if external:
        images |= {(i, True): files for i, files in rgby.list_images(tree.images("external", image_size)).items()}
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
