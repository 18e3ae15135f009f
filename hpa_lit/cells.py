"""The cells of fields, and where each has the protein: ``python -m hpa_lit.cells run=RUN images=DIR``.

Finds the cells of each field or takes those of masks, cuts them out, and lets the network see fields and cells. The
same command started again after a kill goes on where it stopped.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from omegaconf import DictConfig
from pydantic import Field, NonNegativeFloat, PositiveFloat

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.settings import PredictionSettings, Share, ViewSettings
from hpa_lit.errors import InputError, listing
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.lock import held
from hpa_lit.files.tree import OutputTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    from hpa_lit.data import ImageDataModule
    from hpa_lit.files.rgby import BitDepth, ImageFiles
    from hpa_lit.inference import Model
    from hpa_lit.results.answers import Answers
    from hpa_lit.segmentation import Cellpose, FoundCells

# Columns of cells.csv, and of `Region`.
PLACE = {"cell_number": "number", "centre_x": "x", "centre_y": "y", "pixels": "area", "remark": "remark"}
# Settings that say how cells are made and seen, but not what comes out of them.
FREE = ("trainer", "batch_size", "workers", "channels_last", "save_every", "outlines", "paths", "trust", "truth")


class CellSettings(PredictionSettings):
    """Of conf/cells.yaml, which says what each is."""

    views: ViewSettings
    dataset: str | None
    images: Path | None
    masks: Path | None
    segmenter: Literal["skimage", "cellpose"]
    cellpose_model: str | None
    nucleus: PositiveFloat | None
    side: Annotated[int, Field(ge=32)] | None
    margin: NonNegativeFloat
    others: Literal["mask", "keep"]
    gate: Path | None
    threshold: Share | None
    truth: Path | None
    features: bool
    out: Path | None
    outlines: bool


@command("cells")
def main(config: DictConfig) -> None:
    """Make the cells in a folder that nobody else writes into, let the network see them, and say what it says."""
    settings = CellSettings.of(config)
    if ranks.is_rank():
        raise InputError("hpa-lit cells starts its processes itself: start it once, with trainer=ddp for several GPUs")
    from hpa_lit import inference

    outputs = OutputTree(settings.paths.outputs)
    model, home = inference.find_model(outputs, **settings.some(("run", "epoch", "model", "trust")))
    if not model.labels or model.channels != "rgby":
        raise InputError(f"{model.run} gives no labels, or sees no yellow plane: cells need a classifier of all four")
    dataset, fields = inference.find_images(
        inference.seeing_fields(model),
        settings.dataset,
        settings.images,
        settings.paths.root.absolute(),
        **settings.some(inference.LOADING),
        pixel_size=settings.pixel_size,
    )
    cellpose = load_cellpose(settings)
    out = CellTree(settings.out or home.cells(dataset, model.checkpoint.stem))
    with held(folder_lock(out.folder), out.folder, "set out=DIR"):
        made_from = {**settings.plain(), "weights": model.digest, "cellpose_weights": cellpose and cellpose.digest}
        claim(out.config, made_from, "out=DIR", FREE, [out.fields, out.cells, out.images])
        see(settings, model, dataset, fields, out, cellpose)


def load_cellpose(settings: CellSettings) -> "Cellpose | None":
    """Cellpose with its weights, where it is to find the cells."""
    if settings.segmenter != "cellpose":
        if settings.cellpose_model:
            raise InputError(f"cellpose_model={settings.cellpose_model} is for segmenter=cellpose: give that too")
        return None
    if settings.masks:
        raise InputError(f"masks={settings.masks} and segmenter=cellpose are both given: leave one out")
    from hpa_lit import segmentation

    return segmentation.Cellpose(settings.cellpose_model, gpu=settings.trainer.accelerator != "cpu")


def see(
    settings: CellSettings,
    model: "Model",
    dataset: str,
    fields: "ImageDataModule",
    out: CellTree,
    cellpose: "Cellpose | None",
) -> None:
    """Find cells, predict fields and cells, and write what comes of it."""
    from hpa_lit import inference, segmentation

    size, side = inference.cell_sizes(model)
    side = settings.side or side
    cutting = segmentation.Cutting(
        size, side, settings.margin, settings.others, fields.bits, settings.nucleus, cellpose
    )
    assert fields.predicted is not None
    found = segmentation.make_cells(fields.predicted, settings.masks, out, cutting, settings.workers)
    print(segmentation.said(found))

    trainer, running = ranks.trainer_arguments(settings.trainer.plain()), settings.some(inference.RUNNING)
    seen, cells = inference.cell_images(model, out.images, side)
    views = inference.view_names(1, settings.views.dihedral)
    jobs = [inference.Job(seen, dataset, cells, out.cells, views, settings.features, **running)]
    if not (settings.gate or inference.sees_cells(model)):
        views = inference.view_names(settings.views.crops, settings.views.dihedral)
        jobs.append(inference.Job(model, dataset, fields, out.fields, views, **running))
    for job in jobs:
        ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
    print(f"locations: {inference.said(model.decision, settings.threshold)}; those of a cell are some of its field's")
    write(settings, model, fields, found, out)
    if without := [f"{image_id}: {field.why}" for image_id, field in found.items() if field.why]:
        raise InputError(f"{len(without)} of {len(found)} fields have no cells:\n{listing(without)}")


def write(
    settings: CellSettings, model: "Model", fields: "ImageDataModule", found: "Mapping[str, FoundCells]", out: CellTree
) -> None:
    """Write the tables of fields and of cells, the scores where the truth is known, and the pictures."""
    import numpy as np

    from hpa_lit import inference
    from hpa_lit.files import prediction_csv, prediction_file
    from hpa_lit.files.names import cell_id, field_of
    from hpa_lit.results import cells as results

    cells = prediction_file.read(out.cells)
    regions = {cell_id(i, cell.number): cell for i, field in found.items() for cell in field.cells}
    places = [regions[image_id] for image_id in cells.ids]
    whole = [not cell.remark for cell in places]
    alone = inference.answered(cells, model.decision, settings.threshold)
    passing = results.of(cells, alone.probabilities, alone.probabilities > alone.thresholds)
    if settings.gate:
        predictions, answers = results.of_others(settings.gate, cells.labels, list(found), settings.threshold)
    elif inference.sees_cells(model):
        predictions, answers = results.of_cells(cells, passing, whole)
    else:
        predictions = prediction_file.read(out.fields)
        said = inference.answered(predictions, model.decision, settings.threshold)
        answers = results.of(predictions, said.probabilities, said.given)
    gated, variations = results.answer(answers, passing, whole)

    ids, files = predictions.ids, fields.predicted or {}
    sizes, channels = inference.as_read(files[image_id] for image_id in ids)
    beside_fields: dict[str, Sequence[object]] = {
        "cell_count": [len(found[image_id].cells) for image_id in ids],
        "cell_shares": [v.in_words(cells.labels) for v in variations],
        "cell_entropy": [v.entropy for v in variations],
        "cells_differ": [v.differ for v in variations],
        "remark": [found[image_id].why for image_id in ids],
        "size": sizes,
        "channels": channels,
    }
    beside_cells: dict[str, Sequence[object]] = {"field": [field_of(image_id) for image_id in cells.ids]}
    beside_cells |= {name: [getattr(cell, attribute) for cell in places] for name, attribute in PLACE.items()}
    tables = {"fields": (predictions, answers, beside_fields), "cells": (cells, gated, beside_cells)}
    for name, (of, answer, beside) in tables.items():
        prediction_csv.write(out.table(name), of, answer.probs.astype(np.float32), answer.given > 0, beside)
        print(f"{len(of.ids)} {name} -> {out.table(name)}")
    shown = {image_id: files[image_id] for image_id in ids if found[image_id].cells}
    if settings.truth:
        score(settings.truth, {image_id: out.mask(image_id) for image_id in shown}, gated, out)
    if settings.outlines:
        draw(shown, gated, fields.bits, out, settings.workers)


def score(truth: Path, masks: Mapping[str, Path], cells: "Answers", out: CellTree) -> None:
    """Say how good masks and answers are, and keep it."""
    from hpa_lit.results.cell_scores import score

    scores = score(truth, masks, cells)
    print(scores)
    with replacing(out.scores) as temporary:
        temporary.write_text(json.dumps(scores.to_dict(), indent=1))


def draw(
    fields: "Mapping[str, ImageFiles]", cells: "Answers", bits: "BitDepth", out: CellTree, workers: int | None
) -> None:
    """Draw the outlines and answers of the cells of each field."""
    from hpa_lit.figures.outlines import Drawn, draw_outlines
    from hpa_lit.files.names import field_of, number_of
    from hpa_lit.results.answers import in_words

    said: dict[str, dict[int, str]] = {image_id: {} for image_id in fields}
    for image_id, words in zip(cells.ids, in_words(cells.given, cells.names), strict=True):
        said[field_of(image_id)][number_of(image_id)] = words
    drawn = (Drawn(files, out.mask(i), out.outlines(i), said[i]) for i, files in fields.items())
    draw_outlines(list(drawn), bits, workers)
    print(f"outlines -> {out.outlines('ID').parent}")


if __name__ == "__main__":
    main()
