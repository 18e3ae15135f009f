"""Anyone's folder of images and their label table as a data module."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Unpack

from hpa_lit.data.check import locate
from hpa_lit.data.dataset import Examples
from hpa_lit.data.label_table import SIDE_COLUMNS, LabelTable, read_label_table
from hpa_lit.data.module import Files, Fold, ImageDataModule, Shared, Sides, by_id
from hpa_lit.data.record import SIDES, read_record
from hpa_lit.data.sides import Rows, table_folds
from hpa_lit.errors import InputError, check_whole
from hpa_lit.files import rgby

FOLDER = "folder"


class FolderDataModule(ImageDataModule):
    """Images in a folder, and a CSV of their labels (see `data.label_table.read_label_table`).

    Targets are labels, (N, K) uint8. A column ``fold`` or ``split`` of the table says on which side an image is;
    otherwise the table is divided into stratified folds. The predict loader gives all images of the folder, or the
    side that `dataset` names.

    Args:
        images: The folder.
        labels: The CSV; None where images are only looked at or predicted.
        label_list: The labels to learn; None takes what the table names.
        folds: How many folds to make where no column says so.
        fold: The fold to validate on.
        group: Column of the table whose images stay on one side, such as well, plate or antibody.
        image_size: Side that every image is brought to; None takes that of most images.
        crop_size: Side of what a network sees; None shows it the whole image.
        batch_size: Images in a batch over all ranks.
        shared: See `ImageDataModule`.
    """

    def __init__(
        self,
        images: Path | str,
        labels: Path | str | None = None,
        *,
        label_list: Sequence[str | int] | None = None,
        folds: int = 5,
        fold: int = 0,
        group: str | None = None,
        image_size: int | None = None,
        crop_size: int | None = 512,
        batch_size: int = 8,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(image_size, crop_size, batch_size, **shared)
        self.folder, self.table_path = Path(images), None if labels is None else Path(labels)
        self.label_list, self.group, self.n_folds, self.fold = label_list, group, folds, fold

    def read(self) -> Sides:
        """The sides of the fold.

        Raises:
            InputError: The table cannot be used, images of it are missing, or there is no such fold.
        """
        table = self._table()
        files = locate(table.ids, self._found, str(self.folder), self.channels)
        self.labels, self.num_classes = table.names, len(table.names)
        return Sides(
            *(
                Examples([table.ids[row] for row in rows], [files[row] for row in rows], table.labels[rows])
                for rows in self._rows(table)
            )
        )

    def files(self, dataset: str | None = None) -> Files:
        """The files of each image.

        Args:
            dataset: folder: all; train, valid or test: a side of the fold, of the record where there is one. None
                means folder.

        Raises:
            InputError: There is no such dataset or fold.
        """
        if dataset in (None, FOLDER):
            return self._found
        if self.record is not None and Path(self.record).is_file():
            record = read_record(Path(self.record))
            ids = record[dataset]["Id"].tolist() if dataset in record else None
        else:
            table = self._table()
            rows = dict(zip(SIDES, self._rows(table), strict=False))
            ids = [table.ids[row] for row in rows[dataset]] if dataset in rows else None
        if ids is None:
            raise InputError(f"dataset={dataset}: the images of {self.folder} have no such side")
        return by_id(ids, self._found)

    def folds(self) -> list[Fold]:
        """Both sides of every fold; none without a table."""
        if self.table_path is None:
            return []
        table = self._table()
        folds = table_folds(table, self.n_folds, self.group)
        return [([table.ids[row] for row in rows[0]], [table.ids[row] for row in rows[1]]) for rows in folds]

    def label_table(self) -> LabelTable | None:
        """The table; None without one."""
        return None if self.table_path is None else self._table()

    def images(self) -> Files:
        """The files of all images of the folder."""
        return self._found

    def _table(self) -> LabelTable:
        if self.table_path is None:
            raise InputError(f"the images of {self.folder} have no labels: set labels=FILE.csv")
        return read_label_table(self.table_path, self.label_list, self.group)

    def _rows(self, table: LabelTable) -> tuple[Rows, ...]:
        """The rows of each side of the fold."""
        check_whole("fold", self.fold, 0)
        check_whole("data.folds", self.n_folds, 2)
        folds = table_folds(table, self.n_folds, self.group)
        if self.fold >= len(folds):
            given = set(SIDE_COLUMNS) & table.columns.keys()
            made = f"the column {min(given)} of the label table" if given else f"data.folds={self.n_folds}"
            last = f"folds 0 to {len(folds) - 1}" if len(folds) > 1 else "fold 0 alone"
            raise InputError(f"fold={self.fold}: {made} makes {last}")
        return folds[self.fold]

    @cached_property
    def _found(self) -> Files:
        return folder_files(self.folder)


def folder_files(folder: Path) -> dict[str, rgby.ImageFiles]:
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
