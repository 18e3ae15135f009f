"""The cells of fields: how many, how good, and where those of one field differ."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hpa_lit.figures.chapters.chapter import Chapter
from hpa_lit.figures.outlines import NO_WORDS, Color, answer_colors, fitted, grid, traced
from hpa_lit.figures.pictures import brightened, cut_out, encoded, shrunk
from hpa_lit.files import label_image
from hpa_lit.files.label_image import Labels
from hpa_lit.files.rgby import Pixels
from hpa_lit.results.cell_folder import CellFolder
from hpa_lit.results.cells import DIFFERING

READ = 1024  # pixels of the longer side of a field that its cells are cut out of
_SHOWN = 512  # of a field on the page
_CELL = 112  # of a cell there
_MOST = 6  # cells that are shown of those of a field with one answer
_BRIGHTEST = 8  # times, as of all images of the page


def cells(found: CellFolder, outlined: Collection[str], varied: Mapping[str, Pixels]) -> Chapter:
    """How many cells there are, the outlines of those of some fields, and the fields whose cells differ most.

    Args:
        found: The fields of the page, and their cells.
        outlined: The fields that the page has pictures of.
        varied: Pictures of fields whose cells differ, those that differ most first, shape (H, W, 4).
    """
    of_field = {str(image_id): rows for image_id, rows in found.cells.groupby("field")}
    colors = answer_colors(rows["answer"] for rows in of_field.values())  # as in the folder's own pictures
    answers = sorted(colors, key=lambda answer: (not answer, answer))
    fields, drawn, whole = found.fields.to_dict("records"), [], 0
    data: dict[str, dict[str, Any]] = {}
    for row in fields:
        image_id, mine = row["Id"], of_field.get(row["Id"], found.cells[:0])
        mask = label_image.read(found.tree.mask(image_id)) if image_id in outlined and len(mine) else None
        data[image_id] = _data(row, mine, mask, answers)
        if mask is not None and image_id in varied:
            drawn.append(dict(row) | _drawn(varied[image_id], mask, mine, colors))
        whole += int((mine["remark"] == "").sum())
    values = {
        "data": {"answers": [[answer or NO_WORDS, _css(colors[answer])] for answer in answers], "fields": data},
        "cells": sum(row["cell_count"] for row in fields),
        "whole": whole,
        "fields": len(fields),
        "without": sum(not row["cell_count"] for row in fields),
        "differ": sum(row["cells_differ"] for row in fields),
        "between": DIFFERING,
        "scores": found.scores,
        "drawn": drawn,
        "folder": str(found.tree.folder),
        "larger": found.tree.contact_sheet.is_file(),
    }
    return Chapter(values, {"fields": found.fields})


def _data(row: Mapping[Any, Any], mine: pd.DataFrame, mask: Labels | None, answers: Sequence[str]) -> dict[str, Any]:
    """What the page's script shows of a field; its cells as number and answer, and where they have an outline that."""
    outlines = {} if mask is None else traced(mask)
    cells: list[list[Any]] = []
    for number, answer in zip(mine["number"].tolist(), mine["answer"], strict=True):
        outline = [*outlines[number].at, outlines[number].path] if number in outlines else []
        cells.append([number, answers.index(answer), *outline])
    return {
        "grid": None if mask is None else grid(mask),
        "cells": cells,
        "shares": row["cell_shares"],
        "entropy": None if pd.isna(row["cell_entropy"]) else round(row["cell_entropy"], 3),
        "differ": row["cells_differ"],
        "remark": row["remark"],
    }


def _drawn(image: Pixels, mask: Labels, mine: pd.DataFrame, colors: Mapping[str, Color]) -> dict[str, Any]:
    """A field as it is shown, and its cells by their answers, the commonest first and whole cells before others."""
    bright = brightened(image, _BRIGHTEST)[:, :, :3]
    numbers = fitted(mask, bright.shape[:2])
    there, groups = set(np.unique(numbers).tolist()), []
    by_answer = [(str(answer), rows) for answer, rows in mine.groupby("answer")]
    for answer, rows in sorted(by_answer, key=lambda group: (not group[0], -len(group[1]), group[0])):
        first = rows.assign(marked=rows["remark"] != "").sort_values(["marked", "number"])["number"].tolist()
        shown = [number for number in first if number in there][:_MOST]
        squares = {number: encoded(cut_out(bright, numbers == number, _CELL), "jpeg") for number in shown}
        groups.append(
            {"answer": answer or NO_WORDS, "color": _css(colors[answer]), "cells": len(rows), "shown": squares}
        )
    return {"jpeg": encoded(shrunk(bright, _SHOWN), "jpeg"), "groups": groups}


def _css(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
