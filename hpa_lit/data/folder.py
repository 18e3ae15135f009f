"""Anyone's folder of images and their label table as a data module."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
        naming: How names of files say Id and plane, see `rgby.search`; None finds out.
        planes: The channel of each color, where files or their names do not say it.
        z: What becomes of Z stacks: max, the brightest of each pixel, or the number of a slice; None refuses them.
        pixel_size: Of the files, in micrometres; auto: what each says. Images are then cut or filled up with black to
            the field of view of all, so that cells get the size of `target_pixel_size`; None leaves it open.
        target_pixel_size: Of images brought to `image_size`; None takes that of most.
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
        naming: str | None = None,
        planes: Mapping[str, str | int] | None = None,
        z: rgby.Slices = None,
        pixel_size: rgby.PixelSize = None,
        target_pixel_size: float | None = None,
        image_size: int | None = None,
        crop_size: int | None = 512,
        batch_size: int = 8,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(image_size, crop_size, batch_size, **shared)
        self.folder, self.table_path = Path(images), None if labels is None else Path(labels)
        self.label_list, self.group, self.n_folds, self.fold = label_list, group, folds, fold
        self.naming, self.planes, self.z = naming, tuple((planes or {}).items()), z
        self.pixel_size, self.target_pixel_size = pixel_size, target_pixel_size

    def read(self) -> Sides:
        """The sides of the fold.

        Raises:
            InputError: The table cannot be used, images of it are missing, or there is no such fold.
        """
        table = self._table()
        files = locate(table.ids, self._shown, str(self.folder), self.channels)
        self.labels, self.num_classes = table.names, len(table.names)
        return Sides(
            *(
                Examples([table.ids[row] for row in rows], [files[row] for row in rows], table.labels[rows])
                for rows in self._rows(table)
            )
        )

    def setup(self, stage: str) -> None:
        """Read the tables, once; and where pixel sizes are known, find the field of view of all images."""
        begins = self.sides is None
        super().setup(stage)
        if self.sides is not None and begins and self.pixel_size is not None:
            field = self._field()
            self.target_pixel_size = field / self._side
            train, valid, test = self.sides
            self.sides = Sides(_framed(train, field), _framed(valid, field), test and _framed(test, field))

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
        folds = table_folds(table, self.n_folds, self._group(table))
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

    @property
    def _shown(self) -> Files:
        """The files of what a table may name."""
        return self._found

    def _group(self, table: LabelTable) -> str | None:
        """The column whose rows stay on one side."""
        return self.group

    def _rows(self, table: LabelTable) -> tuple[Rows, ...]:
        """The rows of each side of the fold."""
        check_whole("fold", self.fold, 0)
        check_whole("data.folds", self.n_folds, 2)
        folds = table_folds(table, self.n_folds, self._group(table))
        if self.fold >= len(folds):
            given = set(SIDE_COLUMNS) & table.columns.keys()
            made = f"the column {min(given)} of the label table" if given else f"data.folds={self.n_folds}"
            last = f"folds 0 to {len(folds) - 1}" if len(folds) > 1 else "fold 0 alone"
            raise InputError(f"fold={self.fold}: {made} makes {last}")
        return folds[self.fold]

    def _field(self) -> float:
        """Side of the square, in micrometres, that images are brought to: that of most, unless it is known."""
        if self.target_pixel_size is not None:
            return self.target_pixel_size * self._side
        if self.pixel_size != "auto":
            assert self.pixel_size is not None
            return min(self.sizes.most_common(1)[0][0]) * self.pixel_size
        fields = Counter(min(each.size) * (each.pixel_size or 0) for each in self._look())
        if 0 in fields:
            raise InputError(
                f"pixel_size=auto: {fields[0]} of {fields.total()} images in {self.folder} do not say it: set "
                "pixel_size=NUMBER, in micrometres"
            )
        return fields.most_common(1)[0][0]

    @cached_property
    def _found(self) -> Files:
        field = None
        if self.pixel_size is not None and self.target_pixel_size is not None and self.image_size is not None:
            field = self.target_pixel_size * self.image_size
        layout = rgby.Layout(self.planes, self.z, pixel_size=self.pixel_size, field=field)
        found = rgby.search(self.folder, self.naming, layout)
        self.notes += found.said
        return found.images


def _framed(examples: Examples, field: float) -> Examples:
    """The same images, brought to a field of view."""
    files = [rgby.LaidOut(each, replace(rgby.layout_of(each), field=field)) for each in examples.files]
    return replace(examples, files=files)
