"""``python -m hpa_lit.neighbours``: the atlas images most like each query.

For queries of the competition, what each threshold would do, and answers replaced by their neighbours'; for anybody's
images, a table in words and a contact sheet.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.settings import OnFailed, PredictionSettings, Several, Share
from hpa_lit.errors import InputError, listing
from hpa_lit.files.lock import held
from hpa_lit.files.tree import AnswerTree, DataTree, OutputTree, folder_lock
from hpa_lit.files.writing import replacing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from hpa_lit.files.rgby import ImageFiles
    from hpa_lit.inference import Model
    from hpa_lit.results.evaluation import Scores

COLUMNS = ("Id", "Target", "antibody", "antibody_code")
LEFT_OUT = 2000  # gallery images that say how alike an image of the atlas is to the others

# What may differ in a folder that is written again: where it lies and what runs where, not what is in it. Of the paths,
# the data folder has the label tables.
FREE_KEYS = (
    "output",
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
    gallery: Path
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
    on_failed: OnFailed
    output: Path
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
    out = AnswerTree(settings.output)
    if (settings.images is None) == (settings.queries is None):
        raise InputError("say whose neighbours: queries=FILE of features, or images=FOLDER with run=FOLDER")
    with held(folder_lock(out.folder), out.folder, "set output=DIR") if ranks.is_first() else nullcontext():
        search(settings, out)


def search(settings: NeighboursSettings, out: AnswerTree) -> None:
    """Search; then say what replacement would do, and do it, or show own images their neighbours."""
    import numpy as np
    from PIL import Image

    from hpa_lit.figures.neighbour_sheet import in_words, neighbour_sheet
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.results import neighbours, submission, tables
    from hpa_lit.results.files import read_features

    on_failed, own = settings.on_failed, settings.images is not None
    gallery_path, query_path = label_tables(settings)
    gallery = tables.read(gallery_path, COLUMNS, unique="Id")
    tables.check_labels(gallery_path, dict(zip(gallery.Id, gallery.Target, strict=True)), len(LABEL_NAMES))
    gallery_ids, gallery_features = read_features(settings.gallery, on_failed, gallery.Id.tolist())
    gallery = gallery.set_index("Id", drop=False).loc[gallery_ids]
    usual = usual_scores(settings, gallery_features) if own or settings.held_out else None
    if settings.images:
        model, files, pictures = embed(settings, settings.images, out)
        if not ranks.is_first():
            return
        known, searched = None, None
    else:
        known = tables.read(query_path, COLUMNS, unique="Id")
        searched = known.Id.tolist() if settings.set == "validation" else None
    ids, features = read_features(settings.queries or out.queries, on_failed, searched)
    neighbours.refuse_shared(ids, gallery_ids)
    rows, scores = neighbours.match(features, gallery_features, settings.k, settings.standardisation)

    found = neighbours.neighbour_table(ids, rows, scores, gallery)
    if usual is not None:
        found["novel"] = np.repeat(scores[:, 0] < neighbours.novelty_threshold(usual), settings.k)
    if known is None:
        found["locations"] = found["Target"].map(in_words)
        sheet = neighbour_sheet(found, files, pictures, settings.bits or model.data["bits"], settings.sheet)
        with replacing(out.contact_sheet) as temporary:
            Image.fromarray(sheet).save(temporary)
        print(f"the first {min(settings.sheet, len(ids))} images beside their neighbours -> {out.contact_sheet}")
        submission.write(out.neighbours, found)
    else:
        threshold = settings.threshold
        if threshold == "auto":
            threshold = choose_threshold(settings, gallery, gallery_features)
        truth, best = known.set_index("Id").reindex(ids), gallery.iloc[rows[:, 0]]
        replace(settings, threshold, out, found, truth, best, scores[:, 0])
    print(f"{len(ids)} queries, {settings.k} neighbours each -> {out.neighbours}")


def claim_folder(settings: NeighboursSettings, out: AnswerTree) -> None:
    """Keep the folder for these settings, or refuse it."""
    claim(out.config, settings.plain(), "output=DIR", FREE_KEYS, out.results)


def choose_threshold(
    settings: NeighboursSettings, gallery: "pd.DataFrame", gallery_features: "npt.NDArray[np.float32]"
) -> float:
    """The threshold that images with known labels ask for.

    Args:
        settings: labelled, labels, precision, standardise, on_failed, paths.
        gallery: Its labels, a row an image.
        gallery_features: Of the same images, shape (m, d).
    """
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.results import neighbours, tables
    from hpa_lit.results.files import read_features

    if not settings.labelled:
        raise InputError(
            "threshold=auto is chosen by images whose labels are known: set labelled=FILE of their features"
        )
    ids, features = read_features(settings.labelled, settings.on_failed)
    neighbours.refuse_shared(ids, gallery.Id.tolist())
    truth = tables.answers(settings.labels or DataTree(settings.paths.root).train_csv, len(LABEL_NAMES))
    if absent := [i for i in ids if i not in truth]:
        raise InputError(f"{len(absent)} images of labelled={settings.labelled} have no labels:\n{listing(absent)}")
    rows, scores = neighbours.match(features, gallery_features, 1, settings.standardisation)
    equal = [set(truth[i].split()) == set(t.split()) for i, t in zip(ids, gallery.Target.iloc[rows[:, 0]], strict=True)]
    threshold = neighbours.choose_threshold(scores[:, 0], equal, settings.precision)
    above = int((scores[:, 0] > threshold).sum())
    print(f"threshold {threshold:.4f}: {above} of {len(ids)} labelled images have a match above it")
    return threshold


def replace(
    settings: NeighboursSettings,
    threshold: float,
    out: AnswerTree,
    found: "pd.DataFrame",
    truth: "pd.DataFrame",
    best: "pd.DataFrame",
    scores: "npt.NDArray[np.float32]",
) -> None:
    """Say what each threshold would do; replace the answers above one where there is a submission; write it all.

    Args:
        settings: submission, truth.
        threshold: The score above which a match counts.
        out: Where to write.
        found: The neighbours of each query.
        truth: What is known about each query, its Ids as index.
        best: The gallery row most like each.
        scores: Its cosine, shape (n,).
    """
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.results import neighbours, submission

    same, equal = (truth[name].to_numpy() == best[name].to_numpy() for name in ("antibody_code", "Target"))
    table = neighbours.threshold_table(scores, same, equal)
    above = scores > threshold
    answers = {i: target for i, target, take in zip(truth.index, best.Target, above, strict=True) if take}
    both = list["pd.DataFrame"]()
    if settings.submission:
        before = submission.read_submission(settings.submission, len(LABEL_NAMES))
        both = [before, submission.with_answers(before, answers, len(LABEL_NAMES))]
    judged = score(settings.truth, both) if settings.truth else []

    claim_folder(settings, out)  # all is read and fits
    submission.write(out.neighbours, found)
    submission.write(out.thresholds, table)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    if not both:
        return
    before, after = both
    submission.write(out.changes, changes := submission.changes(before, after, LABEL_NAMES))
    print(changes.to_string(index=False))
    if judged:
        then, now = judged
        with replacing(out.scores) as temporary:
            temporary.write_text(json.dumps({"submission": str(out.submission), "scores": now.to_dict()}, indent=1))
        print(f"macro F1 {then.macro_f1:.4f} before, {now.macro_f1:.4f} after replacement")
    submission.write(out.submission, after)  # the last file: a folder that has it is whole
    print(f"{len(answers)} of {len(before)} answers replaced -> {out.submission}")


def score(truth: Sequence[Path], submissions: Sequence["pd.DataFrame"]) -> list["Scores"]:
    """The scores of each of several submissions."""
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.results import evaluation, submission, tables

    scores = []
    for table in submissions:
        target = tables.targets(truth, table.Id.tolist(), len(LABEL_NAMES))
        answers = submission.to_rows(table.Predicted.tolist(), len(LABEL_NAMES))
        scores.append(evaluation.scores(target, answers, LABEL_NAMES))
    return scores


def label_tables(settings: NeighboursSettings) -> tuple[Path, Path]:
    """The label tables of the gallery and of the queries whose labels are known."""
    data = DataTree(settings.paths.root)
    sets = {
        "test": (data.corrected, data.leak),
        "validation": (data.antibody_split("before", "train"), data.antibody_split("before", "valid")),
    }
    gallery, queries = sets[settings.set]
    return settings.gallery_table or gallery, settings.query_table or queries


def embed(
    settings: NeighboursSettings, images: Path, out: AnswerTree
) -> tuple["Model", dict[str, "ImageFiles"], dict[str, "ImageFiles"]]:
    """Write the features of own images by the network that made the gallery's.

    Returns:
        The network, the files of the own images by Id, and those of the gallery's.
    """
    from hpa_lit import inference
    from hpa_lit.files import prediction_file, rgby

    checkpoint, _ = inference.find_checkpoint(settings.run, settings.epoch, None, OutputTree(Path()))
    model = inference.describe(checkpoint, trust=settings.trust)
    gallery = prediction_file.read(settings.gallery)
    ours, theirs = (model.run, checkpoint.stem), (gallery.run, Path(gallery.checkpoint).stem)
    if ours != theirs:
        raise InputError(
            f"{settings.gallery} was made by {' '.join(theirs)}, and the images would be by {' '.join(ours)}: "
            "take the same run and epoch for both"
        )
    folder = DataTree(settings.paths.root).images("external", model.data["image_size"])
    pictures = rgby.list_images(settings.gallery_images or folder)
    loading = settings.some(inference.LOADING)
    _, own = inference.find_images(model, None, images, settings.paths.root, **loading)
    trainer = ranks.trainer_arguments(settings.trainer.plain())
    running = settings.some(inference.RUNNING)
    job = inference.Job(model, "queries", own, out.queries, features=True, **running)
    if ranks.is_first():
        claim_folder(settings, out)
    ranks.run("hpa_lit.inference:predict", trainer, job, trainer)
    return model, dict(job.files), pictures


def usual_scores(settings: NeighboursSettings, gallery: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float32]":
    """How alike images of the atlas are to the gallery when they are not in it.

    Those of the file `held_out`; without it, images of the gallery and their nearest but themselves.
    """
    from hpa_lit.results import neighbours
    from hpa_lit.results.files import read_features

    if settings.held_out:
        _, others = read_features(settings.held_out, settings.on_failed)
        return neighbours.match(others, gallery, 1, settings.standardisation)[1][:, 0]
    sample = gallery[:: max(1, len(gallery) // LEFT_OUT)]
    return neighbours.match(sample, gallery, 2, "gallery")[1][:, 1]


if __name__ == "__main__":
    main()
