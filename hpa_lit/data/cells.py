"""Cells that were cut out of fields, each with the labels of its field, as a data module (method 14)."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from hpa_lit.data.dataset import Examples, ImageDataset, batch_memory, draw_of
from hpa_lit.data.folder import FOLDER, FolderDataModule
from hpa_lit.data.label_table import LabelTable
from hpa_lit.data.module import Files
from hpa_lit.data.transforms import TrainTransform, ValidTransform
from hpa_lit.errors import InputError, check_whole
from hpa_lit.files import rgby
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.names import field_of

_FIELD = "field"  # the column that keeps the cells of a field on one side


class CellDataModule(FolderDataModule):
    """The cells in a folder that ``hpa-lit cells`` made, and a CSV of the labels of their fields.

    Each cell is an image with the labels of its field, which are not sure to be its own; the cells of a field stay on
    one side. With `bag`, a field is an example of so many of its cells, (N, bag, C, S, S), for a network that makes one
    answer of them: other cells in every epoch of the training, the first ones in validation, and some of them again
    where it has fewer. What is predicted are single cells in any case.

    Args:
        images: The folder, ``<field>/<number>.tif``.
        labels: The CSV, with the Ids of fields; fields without cells are left out.
        bag: How many cells make an example; None makes one of each cell.
        field_size: Side that fields had when the cells were cut out; None takes what lies beside the folder.
        others: What became of the cells around a cell then, mask or keep; None likewise.
        folder: More of `FolderDataModule`.
    """

    def __init__(
        self,
        images: Path | str,
        labels: Path | str | None = None,
        *,
        bag: int | None = None,
        field_size: int | None = None,
        others: str | None = None,
        **folder: Any,
    ) -> None:
        super().__init__(images, labels, naming=rgby.CELLS, **folder)
        check_whole("data.bag", bag or 1, 1)
        cut = {} if field_size and others else _cutting(Path(images))
        self.bag, self.field_size, self.others = bag, field_size or int(cut["size"]), others or str(cut["others"])

    def files(self, dataset: str | None = None) -> Files:
        """The files of each cell, see `FolderDataModule.files`."""
        if not self.bag or dataset in (None, FOLDER):
            return super().files(dataset)
        return {cell: self._found[cell] for field in super().files(dataset) for cell in self._cells[field]}

    @cached_property
    def _cells(self) -> dict[str, list[str]]:
        """The cells of each field, by their numbers."""
        cells: dict[str, list[str]] = {}
        for cell in sorted(self._found, key=lambda cell: (field_of(cell), len(cell), cell)):
            cells.setdefault(field_of(cell), []).append(cell)
        return cells

    @property
    def _shown(self) -> Files:
        """Of a bag, what is looked at before a training: its first cell."""
        return {field: self._found[cells[0]] for field, cells in self._cells.items()} if self.bag else self._found

    def _table(self) -> LabelTable:
        table = super()._table()
        fields = [row for row, field in enumerate(table.ids) if field in self._cells]
        if not fields:
            raise InputError(f"{self.table_path} has labels of no field that has cells in {self.folder}")
        left_out = f"{len(table.ids) - len(fields)} of {len(table.ids)} fields have no cells: left out"
        if len(fields) < len(table.ids) and left_out not in self.notes:
            self.notes.append(left_out)
        rows = fields if self.bag else [row for row in fields for _ in self._cells[table.ids[row]]]
        ids = [table.ids[row] for row in fields]
        columns = {name: [cells[row] for row in rows] for name, cells in table.columns.items()}
        return LabelTable(
            ids if self.bag else [cell for field in ids for cell in self._cells[field]],
            table.labels[rows],
            table.names,
            columns or {_FIELD: [table.ids[row] for row in rows]},
        )

    def _group(self, table: LabelTable) -> str | None:
        return _FIELD if _FIELD in table.columns else self.group

    def _dataset(
        self, examples: Examples, transform: TrainTransform | ValidTransform, pooled: Tensor | None, train: bool
    ) -> ImageDataset:
        if not self.bag:
            return super()._dataset(examples, transform, pooled, train)
        bags = [[self._found[cell] for cell in self._cells[field]] for field in examples.ids]
        return BagDataset(examples, bags, self.bag, train, transform, self.bits, self.seed, self.channels)


class BagDataset(ImageDataset):
    """Reads and transforms bags of cells.

    Args:
        examples: N fields.
        bags: The files of all cells of each.
        size: How many of them make an example.
        shuffle: Whether they are drawn, by the seed of the example; else they are the first ones.
        others: See `ImageDataset`.
    """

    def __init__(
        self, examples: Examples, bags: Sequence[Sequence[rgby.ImageFiles]], size: int, shuffle: bool, *others: Any
    ) -> None:
        super().__init__(examples, *others)
        self.bags, self.size, self.shuffle = bags, size, shuffle

    def _images(self, keys: Sequence[tuple[int, int]]) -> Tensor:
        side = self.transform.side
        images = batch_memory((len(keys), self.size, len(self.channels), side, side))
        for (epoch, row), places in zip(keys, images.numpy(), strict=True):
            draw = np.random.default_rng(draw_of(self.seed, epoch, row))
            row %= len(self)
            order = draw.permutation(len(self.bags[row])) if self.shuffle else np.arange(len(self.bags[row]))
            for number, place in enumerate(places):
                files = self.bags[row][order[number % len(order)]]
                planes = self._planes(self.examples.ids[row], files)
                self.transform(planes, int(draw.integers(2**32)), place)
        return images


def _cutting(folder: Path) -> dict[str, Any]:
    """How the cells in a folder were cut out, which ``hpa-lit cells`` wrote beside it."""
    path = CellTree(folder.parent).cutting
    if not path.is_file():
        raise InputError(
            f"{folder} is no folder of cells, or was moved: give the folder images that hpa-lit cells made, or set "
            "data.field_size=NUMBER, the side that fields had then, and data.others=mask or keep"
        )
    cutting: dict[str, Any] = json.loads(path.read_text())
    return cutting
