"""``python -m hpa_lit.neighbours``: the atlas images most like each query.

For queries of the competition, what each threshold would do, and answers replaced by their neighbours'; for anybody's
images, a table in words and a contact sheet, and which are unlike all of the atlas.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.settings import OnFailed, PositiveShare, PredictionSettings, Several, Share
from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.lock import held
from hpa_lit.files.names import field_of
from hpa_lit.files.tree import AnswerTree, OutputTree, RunTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    import pandas as pd

    from hpa_lit.files.rgby import ImageFiles
    from hpa_lit.inference import Model
    from hpa_lit.results.replacement import Replacement

COLUMNS = ("Id", "Target", "antibody", "antibody_code")

# What may differ in a folder that is written again: where it lies and what runs where, not what is in it. Of the paths,
# the data folder has the label tables. An answer by on_failed=error, where there is one, is that by drop.
FREE_KEYS = (
    "output",
    "on_failed",
    "paths.outputs",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "batch_size",
    "workers",
    "channels_last",
    "save_every",
)


class NeighboursSettings(PredictionSettings):
    """Of conf/neighbours.yaml, which says what each is."""

    queries: Path | None
    images: Path | None
    gallery: Path | None
    set: Literal["test", "validation"]
    gallery_table: Path | None
    query_table: Path | None
    k: PositiveInt
    standardise: Literal["each", "gallery"] | None
    submission: Path | None
    threshold: Literal["auto"] | Annotated[float, Field(ge=-1, le=1)]
    labelled: Path | None
    labels: Path | None
    precision: Share
    truth: Several[Path] | None
    held_out: Path | None
    false_alarms: PositiveShare
    on_failed: OnFailed
    output: Path | None
    gallery_images: Path | None
    sheet: PositiveInt

    @property
    def standardisation(self) -> Literal["each", "gallery"]:
        """What `standardise` stands for where it is null: own images are too few to have statistics."""
        return self.standardise or ("gallery" if self.images else "each")


@command("neighbours")
def main(config: DictConfig) -> None:
    """Search, in a folder that nobody else writes into."""
    settings = NeighboursSettings.of(config)
    if (settings.images is None) == (settings.queries is None):
        raise InputError("say whose neighbours: queries=FILE of features, or images=FOLDER with run=FOLDER")
    name = settings.images.resolve().name if settings.images else settings.set
    out = AnswerTree(settings.output or OutputTree(settings.paths.outputs).neighbours(name))
    with held(folder_lock(out.folder), out.folder, "set output=DIR") if ranks.is_first() else nullcontext():
        if settings.images:
            show(settings, settings.images, out)
        else:
            answer(settings, out)


def show(settings: NeighboursSettings, images: Path, out: AnswerTree) -> None:
    """Show own images beside their neighbours, in a table and in pictures."""
    import numpy as np
    from PIL import Image

    from hpa_lit import inference
    from hpa_lit.figures.neighbour_sheet import neighbour_sheet
    from hpa_lit.results import neighbours, novelty, submission
    from hpa_lit.results.files import read_features

    outputs = OutputTree(settings.paths.outputs)
    model, run = inference.find_model(outputs, **settings.some(("run", "epoch", "model", "trust")))
    path = gallery_of(settings, model, run)
    table = known_images(settings, model)
    gallery_ids, gallery = read_features(path, settings.on_failed, table.index.tolist(), label_tables(settings)[0])
    rule = None
    if settings.held_out:
        how = settings.false_alarms, settings.on_failed
        rule = novelty.rule_of_file(settings.held_out, gallery_ids, gallery, *how)
    looks = partial(
        inference.appearances,
        bits=settings.bits or model.data["bits"],
        channels=model.channels,
        missing=settings.missing,
        workers=settings.workers,
    )
    folder = settings.gallery_images or DataTree(settings.paths.root).images("external", model.data["image_size"])
    if not folder.is_dir():
        raise InputError(f"there are no pictures of the gallery in {folder}: set gallery_images=DIR")
    pictures = gallery_pictures(folder, gallery_ids)
    if not any(image_id in pictures for image_id in gallery_ids):
        raise InputError(f"{folder} has no picture of the gallery, such as {gallery_ids[0]}: set gallery_images=DIR")
    files = embed(settings, model, images, gallery_ids, out)
    if not ranks.is_first():
        return

    ids, features = read_features(out.queries, settings.on_failed)
    rows, scores = neighbours.match(features, gallery, settings.k, settings.standardisation)
    found = neighbours.neighbour_table(ids, rows, scores, table.loc[gallery_ids])
    far = novelty.distances(features, gallery)[:, None]
    if rule is None:
        seen = trained_on(settings.run)
        shown = novelty.spread(np.flatnonzero([image_id in pictures for image_id in gallery_ids]))
        theirs, ours = looks([gallery_ids[row] for row in shown], pictures), looks(ids, files)
        rule = novelty.rule_of_gallery(gallery_ids, gallery, theirs, shown, seen, settings.false_alarms)
        far = np.column_stack([far, novelty.distances(ours, theirs)])
    said = novelty.judge(found, rule, far)
    sheet = neighbour_sheet(found, files, pictures, settings.bits or model.data["bits"], settings.sheet)
    with replacing(out.contact_sheet) as temporary:
        Image.fromarray(sheet).save(temporary)
    print(f"the first {min(settings.sheet, len(ids))} images beside their neighbours -> {out.contact_sheet}")
    submission.write(out.neighbours, found)
    print(said)
    print(f"{len(ids)} images, {settings.k} neighbours each -> {out.neighbours}")


def answer(settings: NeighboursSettings, out: AnswerTree) -> None:
    """Say what replacement by neighbours would do to answers, and do it."""
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.results import neighbours, novelty, replacement, submission, tables
    from hpa_lit.results.files import read_features

    if settings.gallery is None or settings.queries is None:
        raise InputError("set gallery=FILE: the features of the images to search, which hpa-lit embed writes")
    gallery_path, query_path = label_tables(settings)
    gallery = tables.read(gallery_path, COLUMNS, unique="Id")
    tables.check_labels(gallery_path, dict(zip(gallery.Id, gallery.Target, strict=True)), len(LABEL_NAMES))
    gallery_ids, gallery_features = read_features(
        settings.gallery, settings.on_failed, gallery.Id.tolist(), gallery_path
    )
    gallery = gallery.set_index("Id", drop=False).loc[gallery_ids]
    known = tables.read(query_path, COLUMNS, unique="Id")
    searched = known.Id.tolist() if settings.set == "validation" else None
    ids, features = read_features(settings.queries, settings.on_failed, searched)
    neighbours.refuse_shared(ids, gallery_ids)
    rows, scores = neighbours.match(features, gallery_features, settings.k, settings.standardisation)

    found = neighbours.neighbour_table(ids, rows, scores, gallery)
    if settings.held_out:
        rule = novelty.rule_of_file(
            settings.held_out, gallery_ids, gallery_features, settings.false_alarms, settings.on_failed
        )
        print(novelty.judge(found, rule, novelty.distances(features, gallery_features)[:, None]))
    threshold = settings.threshold
    if threshold == "auto":
        if not settings.labelled:
            raise InputError(
                "threshold=auto is chosen by images whose labels are known: set labelled=FILE of their features"
            )
        labels = settings.labels or DataTree(settings.paths.root).train_csv
        how = settings.precision, settings.standardisation, settings.on_failed
        threshold, said = replacement.labelled_threshold(settings.labelled, labels, gallery, gallery_features, *how)
        print(said)
    best, above = gallery.iloc[rows[:, 0]], scores[:, 0] > threshold
    truth = known.set_index("Id").reindex(ids)
    same, equal = (truth[name].to_numpy() == best[name].to_numpy() for name in ("antibody_code", "Target"))
    table = neighbours.threshold_table(scores[:, 0], same, equal)
    answers = {i: target for i, target, take in zip(ids, best.Target, above, strict=True) if take}
    done = replacement.replace(settings.submission, answers, settings.truth or ()) if settings.submission else None

    claim_folder(settings, out)  # all is read and fits
    submission.write(out.neighbours, found)
    submission.write(out.thresholds, table)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    if done is not None:
        write_replaced(done, out)
        print(f"{len(answers)} of {len(done.before)} answers replaced -> {out.submission}")
    print(f"{len(ids)} queries, {settings.k} neighbours each -> {out.neighbours}")


def write_replaced(done: "Replacement", out: AnswerTree) -> None:
    """Write what was replaced, and say what that did."""
    from hpa_lit.results import submission

    submission.write(out.changes, done.changes)
    print(done.changes.to_string(index=False))
    if done.scores:
        before, after = done.scores
        with replacing(out.scores) as temporary:
            temporary.write_text(json.dumps({"submission": str(out.submission), "scores": after.to_dict()}, indent=1))
        print(f"macro F1 {before.macro_f1:.4f} before, {after.macro_f1:.4f} after replacement")
    submission.write(out.submission, done.after)  # the last file: a folder that has it is whole


def claim_folder(settings: NeighboursSettings, out: AnswerTree) -> None:
    """Keep the folder for these settings, or refuse it."""
    claim(out.config, settings.plain(), "output=DIR", FREE_KEYS, out.results)


def label_tables(settings: NeighboursSettings) -> tuple[Path, Path]:
    """The label tables of the gallery and of the queries whose labels are known.

    Raises:
        InputError: One is not there.
    """
    data = DataTree(settings.paths.root)
    sets = {
        "test": (data.corrected, data.leak),
        "validation": (data.antibody_split("before", "train"), data.antibody_split("before", "valid")),
    }
    gallery, queries = sets[settings.set]
    tables = {"gallery_table": settings.gallery_table or gallery, "query_table": settings.query_table or queries}
    for key, path in tables.items():
        if not path.is_file() and not (settings.images and key == "query_table"):
            raise InputError(
                f"there is no table {path}: set paths.root=DIR to the atlas that hpa-lit prepare made, or {key}=FILE "
                f"of the labels of {'the gallery' if key == 'gallery_table' else 'queries'}"
            )
    return tables["gallery_table"], tables["query_table"]


def gallery_of(settings: NeighboursSettings, model: "Model", run: RunTree) -> Path:
    """The features of the gallery, once they are sure to be by the network that will embed own images."""
    from hpa_lit.files import prediction_file

    epoch = model.checkpoint.stem
    path = settings.gallery or run.features("external", epoch)
    if not path.is_file():
        which = f"model={settings.model}" if settings.model else f"run={run.folder} epoch={settings.epoch}"
        raise InputError(
            f"there are no features {path} of images to search: make them with hpa-lit embed {which} "
            f"dataset=external (or images=DIR), or set gallery=FILE"
        )
    gallery = prediction_file.read(path)
    ours, theirs = (model.run, epoch), (gallery.run, Path(gallery.checkpoint).stem)
    if ours != theirs:
        raise InputError(
            f"{path} was made by {' '.join(theirs)}, and the images would be by {' '.join(ours)}: "
            "take the same run and epoch for both"
        )
    return path


def known_images(settings: NeighboursSettings, model: "Model") -> "pd.DataFrame":
    """What is known of the gallery's images: Id, Target, antibody where the table has it, and locations in words.

    A CSV is anybody's label table (`read_label_table`), a Parquet table one that prepare made.
    """
    import pandas as pd

    from hpa_lit.data.label_table import read_label_table
    from hpa_lit.files.csv_table import read_csv
    from hpa_lit.labels import LABEL_NAMES, decode, encode_all
    from hpa_lit.results import tables

    path, _ = label_tables(settings)
    if path.suffix == ".parquet":
        known, names = tables.read(path, COLUMNS, unique="Id"), list(LABEL_NAMES)
        tables.check_labels(path, dict(zip(known.Id, known.Target, strict=True)), len(names))
        labels = encode_all(known.Target.tolist())
    else:
        group = "antibody" if "antibody" in read_csv(path) else None
        table = read_label_table(path, model.data.get("label_list"), group)
        labels, names = table.labels, table.names
        known = pd.DataFrame({"Id": table.ids, "Target": [decode(row) for row in labels]})
        if group:
            known[group] = table.columns[group]
    known["locations"] = [", ".join(names[label] for label in row.nonzero()[0]) for row in labels]
    return known.set_index("Id", drop=False)


def gallery_pictures(folder: Path, ids: Sequence[str]) -> "Mapping[str, ImageFiles]":
    """The pictures in the gallery's folder; those of cells where its Ids are."""
    from hpa_lit.data import FolderDataModule
    from hpa_lit.files import rgby

    if any(field_of(image_id) != image_id for image_id in ids):
        return FolderDataModule(folder, naming=rgby.CELLS).files()
    return rgby.list_images(folder)


def embed(
    settings: NeighboursSettings, model: "Model", images: Path, gallery_ids: Sequence[str], out: AnswerTree
) -> Mapping[str, "ImageFiles"]:
    """Write the features of own images, none of them the gallery's, by its network; returns their files by Id."""
    from hpa_lit import inference
    from hpa_lit.results import neighbours

    loading = settings.some(inference.LOADING)
    _, own = inference.find_images(model, None, images, settings.paths.root, pixel_size=settings.pixel_size, **loading)
    trainer = ranks.trainer_arguments(settings.trainer.plain())
    running = settings.some(inference.RUNNING)
    job = inference.Job(model, "queries", own, out.queries, features=True, **running)
    neighbours.refuse_shared(list(job.files), gallery_ids)
    if ranks.is_first():
        claim_folder(settings, out)
    ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
    return job.files


def trained_on(run: Path | None) -> set[str]:
    """The Ids that a run was trained on; none where it kept no record of them."""
    from hpa_lit.data.record import read_record

    record = RunTree(run).record if run else None
    return set(read_record(record)["train"]["Id"]) if record and record.is_file() else set()


if __name__ == "__main__":
    main()
