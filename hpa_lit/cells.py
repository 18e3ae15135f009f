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
    from hpa_lit.files.prediction_file import Predictions
    from hpa_lit.files.rgby import BitDepth, ImageFiles
    from hpa_lit.inference import Model
    from hpa_lit.results.answers import Answers
    from hpa_lit.results.decision import Decision
    from hpa_lit.segmentation import Cellpose, FoundCells, Region

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
    others: Literal["mask", "keep"] | None
    gate: Path | None
    threshold: Share | None
    truth: Path | None
    decision: Path | None
    features: bool
    out: Path | None
    outlines: bool


@command("cells")
def main(config: DictConfig) -> None:
    """Make the cells in a folder that nobody else writes into, let the network see them, and say what it says."""
    settings = CellSettings.of(config)
    if ranks.is_rank():
        raise InputError("hpa-lit cells starts its processes itself: start it once, with trainer=ddp for several GPUs")
    from hpa_lit import inference, segmentation
    from hpa_lit.results.decision import Decision

    outputs = OutputTree(settings.paths.outputs)
    model, home = inference.find_model(outputs, **settings.some(("run", "epoch", "model", "trust")))
    if not model.labels or model.channels != "rgby":
        raise InputError(f"{model.run} gives no labels, or sees no yellow plane: cells need a classifier of all four")
    decision = Decision.read(settings.decision, model.labels) if settings.decision else None
    dataset, fields = inference.find_images(
        inference.seeing_fields(model),
        settings.dataset,
        settings.images,
        settings.paths.root.absolute(),
        **settings.some(inference.LOADING),
        pixel_size=settings.pixel_size,
    )
    size, side = inference.cell_sizes(model)
    others = settings.others or inference.cell_surroundings(model)
    cellpose = load_cellpose(settings)
    cutting = segmentation.Cutting(
        size, settings.side or side, settings.margin, others, fields.bits, settings.nucleus, cellpose
    )
    out = CellTree(settings.out or home.cells(dataset, model.checkpoint.stem))
    with held(folder_lock(out.folder), out.folder, "set out=DIR"):
        made_from = {**settings.plain(), "weights": model.digest, "cellpose_weights": cellpose and cellpose.digest}
        claim(out.config, made_from, "out=DIR", FREE, [out.fields, out.cells, out.images])
        assert fields.predicted is not None
        found = segmentation.make_cells(fields.predicted, settings.masks, out, cutting, settings.workers)
        print(segmentation.said(found))
        see(settings, model, dataset, fields, cutting.side, out)
        if decision:
            print(f"cells: {decision}")
        write(settings, model, decision, fields, found, out)
    if without := [f"{image_id}: {field.why}" for image_id, field in found.items() if field.why]:
        raise InputError(f"{len(without)} of {len(found)} fields have no cells:\n{listing(without)}")


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
    settings: CellSettings, model: "Model", dataset: str, fields: "ImageDataModule", side: int, out: CellTree
) -> None:
    """Let the network see fields, unless others answer for them, and their cells."""
    from hpa_lit import inference

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


def answer(
    settings: CellSettings, model: "Model", found: "Mapping[str, FoundCells]", out: CellTree
) -> "tuple[Predictions, Answers, Predictions, Answers]":
    """What the network said of fields and of cells, each with its answers, those of cells gated by their fields'."""
    from hpa_lit import inference
    from hpa_lit.files import prediction_file
    from hpa_lit.results import cells as results

    cells = prediction_file.read(out.cells)
    said = inference.answered(cells, model.decision, settings.threshold)
    passing = results.of(cells, said.probabilities, said.probabilities > said.thresholds)
    if settings.gate:
        fields, answers = results.of_others(settings.gate, cells.labels, list(found), settings.threshold)
    elif inference.sees_cells(model):
        fields, answers = results.of_cells(cells, passing, whole(cells, found))
    else:
        fields = prediction_file.read(out.fields)
        said = inference.answered(fields, model.decision, settings.threshold)
        answers = results.of(fields, said.probabilities, said.given)
    return fields, answers, cells, results.gate(answers, passing)


def write(
    settings: CellSettings,
    model: "Model",
    decision: "Decision | None",
    module: "ImageDataModule",
    found: "Mapping[str, FoundCells]",
    out: CellTree,
) -> None:
    """Write the tables of fields and of cells, the scores where the truth is known, and the pictures."""
    import numpy as np

    from hpa_lit import inference
    from hpa_lit.files import prediction_csv
    from hpa_lit.files.names import field_of
    from hpa_lit.results import cells as results

    fields, answers, cells, gated = answer(settings, model, found, out)
    given = results.decided(answers, gated, decision, settings.threshold) if decision else gated
    masks = {image_id: out.mask(image_id) for image_id in fields.ids if found[image_id].cells}
    variations = results.variations(answers, given, whole(cells, found))

    ids, files, places = fields.ids, module.predicted or {}, in_order(cells, found)
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
    tables = {"fields": (fields, answers, beside_fields), "cells": (cells, given, beside_cells)}
    for name, (of, said, beside) in tables.items():
        prediction_csv.write(out.table(name), of, said.probs.astype(np.float32), said.given > 0, beside)
        print(f"{len(of.ids)} {name} -> {out.table(name)}")
    if settings.truth:
        judge(settings.truth, masks, gated, given, out)
    if settings.outlines:
        draw({image_id: files[image_id] for image_id in masks}, given, module.bits, out, settings.workers)


def in_order(cells: "Predictions", found: "Mapping[str, FoundCells]") -> "list[Region]":
    """Where each cell lies, in the order of the predictions."""
    from hpa_lit.files.names import field_of, number_of

    places = {(image_id, cell.number): cell for image_id, field in found.items() for cell in field.cells}
    return [places[field_of(image_id), number_of(image_id)] for image_id in cells.ids]


def whole(cells: "Predictions", found: "Mapping[str, FoundCells]") -> list[bool]:
    """Which cells are whole ones, neither cut by the border nor of another size than all."""
    return [not cell.remark for cell in in_order(cells, found)]


def judge(truth: Path, masks: Mapping[str, Path], gated: "Answers", given: "Answers", out: CellTree) -> None:
    """Say how good masks and answers are, and fit a decision about such cells, for fields whose truth is not known."""
    from hpa_lit.results.cell_scores import known_cells
    from hpa_lit.results.deciding import FEWEST

    known = known_cells(truth, masks, gated)
    if decision := known.decision():
        with replacing(out.decision) as temporary:
            temporary.write_text(json.dumps(decision.to_plain(), indent=1))
        print(f"for other fields decision={out.decision}: {decision}")
    else:
        print(f"no decision for other fields: less than {FEWEST} of these have known cells")
    scores = (known if given is gated else known_cells(truth, masks, given)).scores()
    print(scores)
    with replacing(out.scores) as temporary:
        temporary.write_text(json.dumps(scores.to_dict(), indent=1))


def draw(
    fields: "Mapping[str, ImageFiles]", cells: "Answers", bits: "BitDepth", out: CellTree, workers: int | None
) -> None:
    """Draw the outlines and answers of the cells of each field, and the most probable cells of each location."""
    from PIL import Image

    from hpa_lit.figures.cell_sheet import cell_sheet
    from hpa_lit.figures.outlines import Drawn, draw_outlines
    from hpa_lit.files.names import field_of, number_of
    from hpa_lit.results.answers import in_words

    said: dict[str, dict[int, str]] = {image_id: {} for image_id in fields}
    for image_id, words in zip(cells.ids, in_words(cells.given, cells.names), strict=True):
        said[field_of(image_id)][number_of(image_id)] = words
    drawn = (Drawn(files, out.mask(i), out.outlines(i), said[i]) for i, files in fields.items())
    draw_outlines(list(drawn), bits, workers)
    print(f"outlines -> {out.outlines('ID').parent}")
    if (sheet := cell_sheet(cells, out)) is not None:
        with replacing(out.contact_sheet) as temporary:
            Image.fromarray(sheet).save(temporary, "png")
        print(f"the most probable cells of each location -> {out.contact_sheet}")


if __name__ == "__main__":
    main()
