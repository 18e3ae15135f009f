"""The prepared atlas as a data module."""

from pathlib import Path
from typing import Literal, Unpack, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch.utils.data import DataLoader

from hpa_lit.data.atlas_tables import (
    antibody_table,
    atlas_images,
    fold_table,
    image_folder,
    read_table,
    split_tables,
)
from hpa_lit.data.check import locate
from hpa_lit.data.dataset import Examples, LabelledBatch
from hpa_lit.data.label_table import LabelTable
from hpa_lit.data.module import Files, Fold, ImageDataModule, Shared, Sides, by_id
from hpa_lit.data.record import read_record
from hpa_lit.data.transforms import ValidTransform
from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree, ImageSet, Side
from hpa_lit.labels import LABEL_NAMES, encode_all

ANTIBODY = "antibody"  # the one split for metric learning


class AtlasDataModule(ImageDataModule):
    """A fold of the prepared atlas, or its antibody split (method 2.7 and 2.9).

    Targets are labels, (N, 28) uint8, or antibody codes, (N,) int64. Test images have none: batches of the test loader
    hold images and rows alone. The predict loader gives the test images, or what `dataset` names.

    Args:
        root: The data folder, as `prepare` leaves it.
        image_size: Side of the images, one that `prepare` made.
        crop_size: Side of what a network sees; None shows it the whole image.
        fold: The fold to validate on; None with antibodies, which have one split.
        batch_size: Images in a batch over all ranks.
        split: Which folds: random, random_ext, random_ext_noleak_clean or quick.
        targets: labels or antibodies.
        shared: See `ImageDataModule`.
    """

    def __init__(
        self,
        root: Path | str,
        image_size: int,
        crop_size: int | None,
        fold: int | None,
        batch_size: int,
        *,
        split: str = "random_ext_noleak_clean",
        targets: Literal["labels", "antibodies"] = "labels",
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(image_size, crop_size, batch_size, **shared)
        self.tree, self.size = DataTree(Path(root).absolute()), image_size
        self.fold, self.split, self.targets = fold, ANTIBODY if targets == "antibodies" else split, targets

    def read(self) -> Sides:
        """Both sides of the fold.

        Raises:
            InputError: The fold was not prepared, or images of it are missing.
        """
        train, valid = self._table("train"), self._table("valid")
        images = atlas_images(self.tree, self.size, [train, valid])
        if self.targets == "antibodies":
            # Every antibody of the external metadata counts, so that codes mean the same in all runs.
            external = read_table(self.tree, self.tree.metadata("external"), "metadata")
            self.num_classes = int(external["antibody_code"].max()) + 1
        else:
            self.num_classes, self.labels = len(LABEL_NAMES), list(LABEL_NAMES)
        return Sides(self._examples(train, images), self._examples(valid, images))

    def files(self, dataset: str | None = None) -> Files:
        """The files of each image of a set, labels or not.

        Args:
            dataset: train, test or external: all of a set; valid: this fold's validation side. None means test.

        Raises:
            InputError: There is no such dataset, it was not prepared, or the fold is no longer that of the record.
        """
        dataset = dataset or "test"
        if dataset in get_args(ImageSet):
            image_set = cast(ImageSet, dataset)
            ids = read_table(self.tree, self.tree.metadata(image_set), "metadata")["Id"]
            return by_id(ids, rgby.list_images(image_folder(self.tree, image_set, self.size)))
        if dataset != "valid":
            raise InputError(f"dataset={dataset}: the atlas has test, external, train and valid")
        table = self._table("valid")
        if self.record is not None and Path(self.record).is_file():
            _refuse_other_ids(Path(self.record), table)
        images = atlas_images(self.tree, self.size, [table])
        return {key[0]: images.get(key, {}) for key in sorted(zip(table["Id"], table["External"], strict=True))}

    def test_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the test images, as validation sees them, without targets."""
        files = self.files("test")
        examples = Examples(list(files), list(files.values()), None)
        return self._loader(examples, ValidTransform(self.size, self.crop_size))

    def folds(self) -> list[Fold]:
        """Both sides of every fold of the split."""
        sides = split_tables(self.tree, self.split)
        return [(train["Id"].tolist(), valid["Id"].tolist()) for train, valid in sides]

    def label_table(self) -> LabelTable:
        """The labels of all images of the split."""
        tables = [table for sides in split_tables(self.tree, self.split) for table in sides]
        rows = pd.concat(tables).drop_duplicates("Id")
        return LabelTable(rows["Id"].tolist(), encode_all(rows["Target"].tolist()), list(LABEL_NAMES))

    def images(self) -> Files:
        """The files of all images of the split that are there."""
        tables = [table for sides in split_tables(self.tree, self.split) for table in sides]
        images = atlas_images(self.tree, self.size, tables)
        keys = {key for table in tables for key in zip(table["Id"], table["External"], strict=True)}
        return {key[0]: images[key] for key in sorted(keys) if key in images}

    def _table(self, side: Side) -> pd.DataFrame:
        if self.targets == "antibodies":
            return antibody_table(self.tree, side)
        if self.fold is None:
            raise InputError("set fold: the part of the images to validate on")
        return fold_table(self.tree, self.split, self.fold, side)

    def _examples(self, table: pd.DataFrame, images: dict[tuple[str, bool], rgby.ImageFiles]) -> Examples:
        ids = table["Id"].tolist()
        wanted = dict.fromkeys(zip(ids, table["External"].tolist(), strict=True))
        there = {key[0]: images[key] for key in wanted if key in images}
        files = locate(ids, there, str(self.tree.images("train", self.size).parent))
        targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64] = (
            table["antibody_code"].to_numpy(np.int64)
            if self.targets == "antibodies"
            else encode_all(table["Target"].tolist())
        )
        return Examples(ids, files, targets)


def _refuse_other_ids(record: Path, table: pd.DataFrame) -> None:
    """Raise `InputError` where a validation side is no longer that of a run."""
    if odd := sorted(set(read_record(record)["valid"]["Id"]) ^ set(table["Id"])):
        raise InputError(
            f"the folds were made anew since this run was trained: {len(odd)} images of its validation side differ; "
            f"train it anew with tag=NAME:\n{listing(odd)}"
        )
