"""What ``hpa-lit cells`` left in its folder about fields and their cells, for who shows it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files import prediction_csv
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.csv_table import read_csv
from hpa_lit.files.names import field_of, number_of
from hpa_lit.files.reading import reading
from hpa_lit.results.answers import in_words
from hpa_lit.results.cell_scores import CellScores

FIELDS = ["Id", "cell_count", "cell_shares", "cell_entropy", "cells_differ", "remark"]
MADE = "give the folder that hpa-lit cells made, its out=DIR"


@dataclass(frozen=True, eq=False)
class CellFolder:
    """The cells of fields and their answers.

    Attributes:
        tree: Where they lie.
        fields: A row a field, those whose cells differ most first: `FIELDS`; the entropy is NaN where there is none.
        cells: A row a cell of any field of the folder, in the order of fields and numbers: field, number, answer (its
            locations in words, in the order of the labels; empty for none), remark.
        scores: Against the truth, where it was known.
    """

    tree: CellTree
    fields: pd.DataFrame
    cells: pd.DataFrame
    scores: CellScores | None

    def of(self, ids: Sequence[str], path: Path) -> "CellFolder":
        """The same with these fields alone.

        Args:
            ids: Of the fields.
            path: Where they are predicted, for the message.

        Raises:
            InputError: An Id is that of no field here; names it.
        """
        if absent := sorted(set(ids) - set(self.fields["Id"])):
            raise InputError(
                f"cells={self.tree.folder} has no cells of {len(absent)} images of predictions={path}: give the cells "
                f"of the same fields, or predictions={self.tree.table('fields')}\n{listing(absent)}"
            )
        return replace(self, fields=self.fields[self.fields["Id"].isin(list(ids))].reset_index(drop=True))

    def varied(self, most: int) -> list[str]:
        """The fields whose cells are not all alike, those that differ most first."""
        return self.fields["Id"][self.fields["cell_entropy"] > 0].tolist()[:most]


def read(folder: Path) -> CellFolder:
    """Read such a folder.

    Raises:
        InputError: It is another folder, or what lies in it cannot be read.
    """
    tree = CellTree(folder)
    if absent := [name for name in ("fields", "cells") if not tree.table(name).is_file()]:
        raise InputError(f"cells={folder} has no {' and no '.join(f'{name}.csv' for name in absent)}: {MADE}")
    scores = None
    if tree.scores.is_file():
        with reading(tree.scores, "holds no scores of cells"):
            scores = CellScores.of(json.loads(tree.scores.read_text()))
    return CellFolder(tree, _fields(tree.table("fields")), _cells(tree.table("cells")), scores)


def _fields(path: Path) -> pd.DataFrame:
    table = _read(path, FIELDS)
    with reading(path, "is no table of fields"):
        table["cell_count"] = table["cell_count"].astype(int)
        table["cell_entropy"] = table["cell_entropy"].replace("", "nan").astype(float)
    table["cells_differ"] = table["cells_differ"] == "True"
    return table.sort_values("cell_entropy", ascending=False, kind="stable", ignore_index=True)


def _cells(path: Path) -> pd.DataFrame:
    table = _read(path, ["Id", "locations", "remark"]).set_index("Id")
    predictions = prediction_csv.read(path)
    given = prediction_csv.read_given(path, predictions)
    assert given is not None  # the table has locations
    if wrong := [image_id for image_id in predictions.ids if field_of(image_id) == image_id]:
        raise InputError(f"{path} has {len(wrong)} Ids that are none of cells: {MADE}\n{listing(wrong)}")
    cells = pd.DataFrame(
        {
            "field": [field_of(image_id) for image_id in predictions.ids],
            "number": [number_of(image_id) for image_id in predictions.ids],
            "answer": in_words(given, predictions.labels),
            "remark": table["remark"].loc[list(predictions.ids)].tolist(),
        }
    )
    return cells.sort_values(["field", "number"], ignore_index=True)


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    table = read_csv(path)
    if lacking := [column for column in columns if column not in table]:
        raise InputError(f"{path} has no column {', '.join(lacking)}: {MADE}")
    return table[columns].copy()
