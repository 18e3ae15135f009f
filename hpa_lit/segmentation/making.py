"""From the files of fields to those of their cells, a process a field; with Cellpose one field after another."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np

from hpa_lit.errors import InputError, listing
from hpa_lit.files import label_image, rgby
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.names import cell_id
from hpa_lit.files.writing import replacing
from hpa_lit.progress import progress
from hpa_lit.segmentation.cellpose import Cellpose
from hpa_lit.segmentation.cutting import Others, cut
from hpa_lit.segmentation.finding import NUCLEUS, find_cells
from hpa_lit.segmentation.masks import list_masks, read_mask
from hpa_lit.segmentation.regions import Region, regions


@dataclass(frozen=True)
class Cutting:
    """How cells are found and cut out.

    Attributes:
        size: Side that fields have for the network.
        side: Of the cells' squares.
        margin: Around a cell, as a part of its longer side.
        others: What becomes of the cells around it.
        bits: Bit depth of planes stored in 16 bits.
        diameter: Of a nucleus, in pixels; None takes that of `finding.NUCLEUS` where the pixel size is known, and
            estimates it for each field where not.
        cellpose: What finds cells; None finds them by `finding`.
    """

    size: int
    side: int
    margin: float
    others: Others
    bits: rgby.BitDepth = "auto"
    diameter: float | None = None
    cellpose: Cellpose | None = None


@dataclass(frozen=True)
class FoundCells:
    """What was found in a field.

    Attributes:
        why: Why there are no cells; empty where there are.
        cells: They, by number.
        diameter: Of a nucleus, in pixels; None where the mask was brought.
        stamp: Of the files that they were found in.
    """

    why: str
    cells: tuple[Region, ...]
    diameter: float | None
    stamp: str


def make_cells(
    fields: Mapping[str, rgby.ImageFiles], masks: Path | None, tree: CellTree, how: Cutting, workers: int | None = None
) -> dict[str, FoundCells]:
    """Find the cells of fields, or take those of masks, and write the label images and each cell as an image.

    What an earlier, killed process has finished, from the same files, is taken as it is.

    Args:
        fields: The files of each by Id, all four planes.
        masks: Folder of label images; None finds cells.
        tree: Where to.
        how: How.
        workers: Processes; None takes the cores that this one may use, and with Cellpose it is this one alone.

    Returns:
        What was found in each field. One without cells says why: it is no reason to stop.

    Raises:
        InputError: No field has cells.
    """
    brought = list_masks(masks, fields) if masks else {}
    with replacing(tree.cutting) as temporary:
        temporary.write_text(json.dumps({name: getattr(how, name) for name in ("size", "side", "margin", "others")}))
    processes = 1 if how.cellpose else workers or joblib.cpu_count()
    parallel = joblib.Parallel(n_jobs=processes, return_as="generator")
    jobs = (
        joblib.delayed(_make)(image_id, files, brought.get(image_id), masks, tree, how)
        for image_id, files in sorted(fields.items())
    )
    made = progress(parallel(jobs), "find cells" if masks is None else "cut cells", len(fields), "fields")
    found = dict(zip(sorted(fields), made, strict=True))
    if not any(field.cells for field in found.values()):
        raise InputError(f"no field has cells:\n{listing([f'{i}: {field.why}' for i, field in found.items()])}")
    return found


def said(found: Mapping[str, FoundCells]) -> str:
    """What was found, in words."""
    cells = [cell for field in found.values() for cell in field.cells]
    remarks = Counter(cell.remark for cell in cells if cell.remark)
    words = {"border": "cut by the border", "tiny": "tiny", "giant": "giant"}
    marked = ", ".join(f"{remarks[key]} of them {word}" for key, word in words.items() if remarks[key])
    diameters = [field.diameter for field in found.values() if field.diameter]
    sizes = f"; nuclei are {np.median(diameters):.0f} pixels across" if diameters else ""
    with_cells = sum(bool(field.cells) for field in found.values())
    return f"{len(cells)} cells in {with_cells} of {len(found)} fields{f', {marked}' if marked else ''}{sizes}"


def _make(
    image_id: str, files: rgby.ImageFiles, mask: Path | None, masks: Path | None, tree: CellTree, how: Cutting
) -> FoundCells:
    """Make the cells of one field."""
    stamp = " ".join([rgby.stamp(files), rgby.stamp({"mask": mask}) if mask else ""])
    if (known := _known(tree.found(image_id))) and known.stamp == stamp:
        return known
    shutil.rmtree(tree.images / image_id, ignore_errors=True)
    try:
        if not files:
            raise InputError("there is no image of this Id")
        if masks and mask is None:
            raise InputError(f"there is no mask of this Id in {masks}")
        cells, diameter = _made(image_id, files, mask, tree, how)
        found = FoundCells("", cells, diameter, stamp)
    except InputError as error:
        found = FoundCells(str(error), (), None, stamp)
    with replacing(tree.found(image_id)) as temporary:
        temporary.write_text(json.dumps(asdict(found)))
    return found


def _made(
    image_id: str, files: rgby.ImageFiles, mask: Path | None, tree: CellTree, how: Cutting
) -> tuple[tuple[Region, ...], float | None]:
    planes, pixel_size = rgby.read_channels(rgby.uncut(files), how.bits), _pixel_size(files)
    if mask is None:
        red, _, blue, yellow = planes
        find = how.cellpose.find_cells if how.cellpose else find_cells
        numbers, nuclei, diameter = find(red, blue, yellow, how.diameter or (pixel_size and NUCLEUS / pixel_size))
        label_image.write(tree.nuclei(image_id), nuclei, pixel_size)
    else:
        numbers, diameter = read_mask(mask, planes[0].shape), None
    found = seen = regions(numbers)
    label_image.write(tree.mask(image_id), numbers, pixel_size)
    if rgby.layout_of(files).field is not None:  # the network sees so much of each field
        side = rgby.field_pixels(files)
        planes = [np.asarray(rgby.framed(plane, side), np.uint8) for plane in planes]
        numbers = np.asarray(rgby.framed(numbers, side), np.uint16)
        seen = regions(numbers)
    image = np.stack([rgby.resize(plane, how.size) for plane in planes], axis=2)
    squares = cut(image, numbers, seen, how.side, how.margin, how.others)
    for cell, square in zip(seen, squares, strict=True):
        path = tree.images / image_id / f"{cell.number}.tif"
        rgby.write(path, square, cell_id(image_id, cell.number))
    return tuple(found), diameter


def _pixel_size(files: rgby.ImageFiles) -> float | None:
    """In micrometres, where the layout of the files says it or asks them; else None."""
    size = rgby.layout_of(files).pixel_size
    return rgby.header(files).pixel_size if size == "auto" else size


def _known(path: Path) -> FoundCells | None:
    """What was found before."""
    if not path.is_file():
        return None
    known = json.loads(path.read_text())
    return FoundCells(**{**known, "cells": tuple(Region(**cell) for cell in known["cells"])})
