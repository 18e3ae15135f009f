"""``python -m hpa_lit.report predictions=FILE truth=TABLE submission=FOLDER``: one page of what a model gets right.

Without the truth it begins with the images and their answers. What nothing was given for is named at the page's end,
with the setting that brings it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.settings import (
    BitDepth,
    Epoch,
    Missing,
    OnFailed,
    Paths,
    PixelSize,
    PlaneChannels,
    Settings,
    Several,
    Share,
    Slices,
)
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import ImageSet
from hpa_lit.files.lock import held
from hpa_lit.files.tree import AnswerTree, OutputTree, ReportTree, RunTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    from pandas import DataFrame

    from hpa_lit.data import ImageDataModule
    from hpa_lit.data.module import Files
    from hpa_lit.figures.chapters import Chapter
    from hpa_lit.files.prediction_file import Predictions
    from hpa_lit.files.rgby import ImageFiles
    from hpa_lit.inference import Model
    from hpa_lit.results.answers import Answers
    from hpa_lit.results.cell_folder import CellFolder

SETS: dict[str, tuple[ImageSet, ...]] = {
    "train": ("train",),
    "test": ("test",),
    "external": ("external",),
    "valid": ("train", "external"),
}

VARIED = 6  # fields whose cells are shown one by one

# What may differ in a folder that is written again: where it lies.
FREE_KEYS = ("output", "paths.outputs")


class ReportSettings(Settings):
    """Of conf/report.yaml, which says what each is."""

    paths: Paths
    predictions: Path
    truth: Several[Path] | None
    submission: Path | None
    threshold: Share | None
    steps: dict[str, Path] | None = Field(description="write steps='{NAME: FOLDER, NAME: FOLDER}'")
    runs: Several[Path] | None
    on_failed: OnFailed
    output: Path | None
    images: Several[Path] | None
    dataset: Literal["train", "test", "external", "valid"] | None
    image_size: PositiveInt | None
    bits: BitDepth | None
    missing: Missing
    naming: str | None
    planes: PlaneChannels | None
    z: Slices | None
    pixel_size: PixelSize | None
    shown: PositiveInt = Field(description="give a whole number above 0; leave out images and dataset to have none")
    pictured: PositiveInt = Field(description="give a whole number above 0; leave out images and dataset to have none")
    run: Path | None
    epoch: Epoch
    maps: PositiveInt = Field(description="give a whole number above 0; leave out run to have none")
    cells: Path | None


@command("report")
def main(config: DictConfig) -> None:
    """Read what was given, make a chapter of each part, write the page and what it shows."""
    from hpa_lit.figures import page, pictures
    from hpa_lit.results import files
    from hpa_lit.results.given_answers import given_answers

    settings = ReportSettings.of(config)
    path = settings.predictions
    predictions = files.read_single(path, settings.on_failed)
    model = network(settings, predictions)
    decision = model.decision if model else None
    answers = given_answers(predictions, path, settings.submission, settings.threshold, decision, settings.truth)
    cells = found_cells(settings, answers.ids)
    places = pictures.locate(image_files(settings, model), answers.ids)

    parts = chapters_of(settings, answers, model, places, cells)
    outputs = OutputTree(settings.paths.outputs)
    out = ReportTree(settings.output) if settings.output else outputs.report(path)
    html = page.render(f"Report on {path.name}", parts, about(settings, predictions, answers), lacking(settings))
    write(out, settings, html, parts)
    print(f"{len(answers.ids)} images, {len(answers.names)} labels -> {out.page}")


def chapters_of(
    settings: ReportSettings,
    answers: "Answers",
    model: "Model | None",
    places: Mapping[str, "ImageFiles"],
    cells: "CellFolder | None",
) -> dict[str, "Chapter"]:
    """The chapters in the order of the page: how good and where wrong, or without the truth first the images."""
    from hpa_lit.figures import chapters
    from hpa_lit.results import examples
    from hpa_lit.results.answers import JudgedAnswers

    bits: BitDepth = settings.bits or (model.data["bits"] if model else "auto")
    truth = answers.truth if isinstance(answers, JudgedAnswers) else None
    found = examples.choose(truth, answers.probs, answers.given, answers.ids, answers.names)
    images = image_chapters(settings, answers, found, places, cells, bits)

    if isinstance(answers, JudgedAnswers):
        scores, confusion = chapters.scores(answers), chapters.confusion(answers)
        parts = {"verdict": chapters.verdict(answers, scores, confusion), "scores": scores, "confusion": confusion}
        parts |= images
        parts["precision_recall"] = chapters.precision_recall(answers, scores.tables["labels"])
        parts["calibration"] = chapters.calibration(answers)
    else:
        parts = {"summary": chapters.summary(answers)} | images
        parts |= {"counts": chapters.counts(answers), "cooccurrence": chapters.cooccurrence(answers)}
    if settings.steps:
        parts["steps"] = chapters.steps(step_scores(settings.steps))
    if settings.runs:
        parts["training"] = chapters.training(run_logs(settings.runs))
    if places and model:
        from hpa_lit.inference.activation import activations

        first = examples.foremost(found, settings.maps)
        labels = [answers.names.index(label) for label in first["label"]]
        seen = activations(model, [places[image_id] for image_id in first["Id"]], labels, bits, settings.missing)
        parts["activations"] = chapters.activations(first, seen)
    return parts


def image_chapters(
    settings: ReportSettings,
    answers: "Answers",
    found: "DataFrame",
    places: Mapping[str, "ImageFiles"],
    cells: "CellFolder | None",
    bits: "BitDepth",
) -> dict[str, "Chapter"]:
    """The chapters of images: where their cells differ, all of them, examples."""
    from hpa_lit.figures import chapters, pictures
    from hpa_lit.files.rgby import uncut
    from hpa_lit.results import examples

    wanted = examples.pictured(answers, found, settings.shown, settings.pictured) if places else []
    parts, varied = {}, []
    if cells:
        varied = cells.varied(min(settings.pictured, VARIED))
        places = {image_id: uncut(files) for image_id, files in places.items()}  # masks are of whole fields
    shown = {image_id: pictures.small(places[image_id], bits) for image_id in dict.fromkeys([*varied, *wanted])}
    if cells:
        large = {image_id: pictures.small(places[image_id], bits, chapters.READ) for image_id in varied}
        parts["cells"] = chapters.cells(cells, shown.keys(), large)
    parts["images"] = chapters.images(answers, found, shown)
    if shown:
        parts["examples"] = chapters.examples(answers, found, shown, settings.shown)
    return parts


def network(settings: ReportSettings, predictions: "Predictions") -> "Model | None":
    """The network that made the predictions, once it is sure to know their labels."""
    if settings.run is None:
        return None
    from hpa_lit import inference

    model, _ = inference.find_model(OutputTree(settings.paths.outputs), settings.run, settings.epoch)
    if model.labels != predictions.labels:
        raise InputError(
            f"{model.checkpoint} answers {', '.join(model.labels) or 'no labels, it is an embedder'}; "
            f"{settings.predictions} has {', '.join(predictions.labels)}"
        )
    return model


def found_cells(settings: ReportSettings, ids: Sequence[str]) -> "CellFolder | None":
    """The cells of the predicted fields; none where they were not asked for."""
    if settings.cells is None:
        return None
    if not (settings.images or settings.dataset):
        raise InputError(f"cells={settings.cells} are shown in the pictures of their fields: give images=DIR too")
    from hpa_lit.results import cell_folder

    return cell_folder.read(settings.cells).of(ids, settings.predictions)


def image_files(settings: ReportSettings, model: "Model | None") -> "dict[str, Files]":
    """The pictures in each place that was asked for; no place where none was."""
    from hpa_lit.data import AtlasDataModule
    from hpa_lit.inference import find_images

    dataset, root = settings.dataset, settings.paths.root
    if dataset is None:
        return {str(folder): own_images(settings, folder, model) for folder in settings.images or ()}
    if settings.images:
        raise InputError(f"dataset={dataset} and images are both given: leave one out")
    if dataset == "valid" and model and settings.image_size is None:
        return {"the run's validation side": find_images(model, dataset, None, root)[1].files(dataset)}
    size = settings.image_size or (model.data["image_size"] if model else None)
    if size is None:
        raise InputError(f"dataset={dataset} has a folder for each size: set image_size, or run")
    atlas = AtlasDataModule(root, size, crop_size=None, fold=None, batch_size=1)
    return {str(atlas.tree.images(name, size)): atlas.files(name) for name in SETS[dataset]}


def own_images(settings: ReportSettings, folder: Path, model: "Model | None") -> "Files":
    """The pictures in a folder of anybody's, with a network read as that reads them; says how."""
    from hpa_lit.data import FolderDataModule
    from hpa_lit.inference import find_images

    layout: dict[str, Any] = {"naming": settings.naming, "planes": settings.planes, "z": settings.z}
    if model is None:
        if settings.pixel_size is not None:
            raise InputError("pixel_size brings pictures to what a network sees: give its run too")
        module: ImageDataModule = FolderDataModule(folder, **layout)
    else:
        pixel_size = settings.pixel_size
        _, module = find_images(model, None, folder, settings.paths.root, pixel_size=pixel_size, **layout)
    files = module.files()
    print(*module.notes, sep="\n", end="\n" * bool(module.notes))
    return files


def step_scores(steps: Mapping[str, Path]) -> dict[str, Path]:
    """The scores.json of each step, by its name."""
    return {name: place if place.suffix == ".json" else AnswerTree(place).scores for name, place in steps.items()}


def run_logs(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """The logs of training runs by as much of each folder's path as tells them apart: a run's name and fold."""
    whole = [run.absolute() for run in runs]
    root = os.path.commonpath([run.parents[1] for run in whole])
    return {str(run.relative_to(root)): RunTree(run).metrics() for run in whole}


def about(settings: ReportSettings, predictions: "Predictions", answers: "Answers") -> list[tuple[str, str]]:
    """What the report was made from, as names and values."""
    from hpa_lit import __version__

    if settings.submission:
        by = str(settings.submission)
    elif answers.thresholds is None:
        by = f"the locations in {settings.predictions.name}"
    else:
        by = f"probabilities above {answers.thresholds[0]:g}, since no submission was given"
    said = [
        ("predictions", str(settings.predictions)),
        ("dataset", predictions.dataset),
        ("model", predictions.run),
        ("answers", by),
        ("truth", ", ".join(map(str, settings.truth or ["none"]))),
    ]
    if settings.cells:
        said.append(("cells", str(settings.cells)))
    if settings.run:
        said.append(("network of the maps", f"{settings.run}, epoch {settings.epoch}"))
    return [*said, ("hpa_lit", __version__)]


def lacking(settings: ReportSettings) -> list[tuple[str, str]]:
    """What nothing was given for, and the setting that brings it."""
    pictured = settings.images or settings.dataset
    parts = [
        (settings.truth, "scores, what is taken for what, hits, misses and false alarms, calibration", "truth=TABLE"),
        (pictured, "pictures", "images=FOLDER, or dataset=test of the prepared atlas"),
        (settings.cells, "the outlines of cells, and where those of a field differ", "cells=FOLDER of hpa-lit cells"),
        (settings.steps, "what each step gained", "steps='{NAME: FOLDER, NAME: FOLDER}' of submit truth=TABLE"),
        (settings.runs, "training curves", "runs=[FOLDER,FOLDER]"),
        (settings.run and pictured, "where the network looks", "run=FOLDER with pictures"),
    ]
    return [(what, setting) for given, what, setting in parts if not given]


def write(out: ReportTree, settings: ReportSettings, html: str, parts: Mapping[str, "Chapter"]) -> None:
    """Write the page, and beside it the tables and pictures of its chapters."""
    from hpa_lit.results import submission

    with held(folder_lock(out.folder), out.folder, "set output=DIR"):
        claim(out.config, settings.plain(), "output=DIR", FREE_KEYS, [out.page])
        for chapter in parts.values():
            for name, table in chapter.tables.items():
                submission.write(out.table(name), table)
            for name, picture in chapter.pictures.items():
                with replacing(out.picture(name)) as temporary:
                    temporary.write_bytes(picture)
        with replacing(out.page) as temporary:
            temporary.write_text(html, encoding="utf-8")


if __name__ == "__main__":
    main()
