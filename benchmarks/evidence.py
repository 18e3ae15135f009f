"""What each piece of a modern recipe is worth beside the reference's, at equal cost, on drawn atlases.

Pieces are chosen on two atlases, and reported on two others, three trainings each, that nothing was chosen on. In no
atlas do two fields share a style, and the pieces are compared on fields that no training saw, by the very command that
people use, `hpa-lit compare`. ``python -m benchmarks.evidence`` goes on where it was stopped.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import HERE, Outcome, fill, main, table
from benchmarks.trainings import schedule, start
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import ComparisonTree, RunTree

PAGE = HERE.parent / "docs" / "evidence.md"
TUNED, REPORTED, SEEDS = (0, 1), (2, 3), (0, 1, 2)  # seeds of atlases, and of trainings on the latter two
SIDE, CROP, EPOCHS = 224, 160, 20
METRICS = {"mean_average_precision": "mean average precision", "macro_f1": "macro F1"}
COSINE = ("scheduler=warmup_cosine", "scheduler.rate=3e-3", "scheduler.warmup=2")
GENTLE = ("scheduler=warmup_cosine", "scheduler.rate=1e-3", "scheduler.warmup=2")
DRAWN, GEM = "arch=tiny_drawn", "arch.map_pool=gem"
OTHER_NET = ("arch=timm", "arch.pretrained=false", "arch.dropout=[0,0]")


@dataclass(frozen=True)
class Piece:
    """What is changed in the reference's recipe, and the epochs that cost as much as its 20."""

    words: tuple[str, ...]
    epochs: int = EPOCHS
    experiment: str = "small"

    @property
    def settings(self) -> list[str]:
        """All words of a training but for its images, its folder and its seed."""
        own = self.experiment != "small" or any(word.startswith("scheduler=") for word in self.words)
        steps = [f"scheduler.epochs={self.epochs}"] if own else schedule(self.epochs)
        size = ["data=folder", f"data.image_size={SIDE}", f"data.crop_size={CROP}", "batch_size=16"]
        ways = ["trainer.precision=bf16-mixed", "data.workers=0", "keep_epochs=1", "logger=csv"]
        return [f"experiment={self.experiment}", *size, *ways, *steps, *self.words]


REFERENCE, WEIGHTS = "reference", "weights of other drawn fields"
PIECES = {
    REFERENCE: Piece(()),
    WEIGHTS: Piece((DRAWN,)),
    "asymmetric loss": Piece(("loss=asymmetric",)),
    "binary cross entropy with smoothed labels": Piece(("loss=bce", "loss.smoothing=0.05")),
    "warm-up and cosine": Piece(COSINE),
    "moving average of the weights": Piece(("callbacks=ema", "callbacks.ema.decay=0.99")),
    "AdamW": Piece(("optimizer=adamw", "optimizer.weight_decay=0.05")),
    "images of rare labels more often": Piece(("data.repeat_threshold=0.1",)),
    "MixUp": Piece(("mixing=mixup",)),
    "strong augmentation": Piece(("augment=strong",), 17),
    "generalised mean pooling": Piece((GEM,)),
    "stochastic depth": Piece(("+arch.options.drop_path_rate=0.1",)),
    "larger input": Piece((f"data.crop_size={SIDE}",), 10),
    "RegNetY": Piece((*OTHER_NET, "arch.arch=timm/regnety_002"), 16),
}
TOGETHER = {  # which of them go together was seen on the first two atlases alone
    "generalised mean pooling, asymmetric loss": Piece((GEM, "loss=asymmetric")),
    "generalised mean pooling, cosine": Piece((GEM, *COSINE)),
    "generalised mean pooling, cosine, asymmetric loss": Piece((GEM, *COSINE, "loss=asymmetric")),
    "drawn weights, asymmetric loss": Piece((DRAWN, "loss=asymmetric")),
    "drawn weights, gentle cosine": Piece((DRAWN, *GENTLE)),
    "drawn weights, gentle cosine, asymmetric loss": Piece((DRAWN, *GENTLE, "loss=asymmetric")),
    "drawn weights, gentle cosine, generalised mean pooling": Piece((DRAWN, *GENTLE, GEM)),
    "the head of drawn weights alone": Piece((DRAWN, *GENTLE, "arch.freeze=true", "arch.dropout=[0.5,0.5]")),
}
MODERN = {  # what these came to, reported on atlases that nothing was chosen on
    "modern_small": Piece((), experiment="modern_small"),
}
RECIPES = PIECES | TOGETHER | MODERN
KEPT = {WEIGHTS, "warm-up and cosine"}


@dataclass(frozen=True)
class Work:
    """The folder of all of it, and how large it is."""

    folder: Path
    fields: int = 640
    seeds: tuple[int, ...] = SEEDS
    pieces: tuple[str, ...] = tuple(PIECES)
    together: tuple[str, ...] = tuple(TOGETHER)
    modern: tuple[str, ...] = tuple(MODERN)

    def atlas(self, number: int) -> Path:
        """The fields of an atlas: images, and their table with a column split."""
        return self.folder / f"atlas{number}"

    def run(self, number: int, piece: str, seed: int) -> RunTree:
        """A training."""
        name = piece.replace(",", "").replace("'", "").replace(" ", "_")
        return RunTree(self.folder / "train" / f"atlas{number}" / name / f"seed{seed}")


def draw(work: Work, number: int) -> None:
    """Draw an atlas of fields without a common style; a third is to test on, and a sixth of the others to validate."""
    folder = work.atlas(number)
    if (folder / "labels.csv").is_file():
        return
    given = {"fields": work.fields, "size": SIDE, "images_per_antibody": 1, "seed": number}
    given |= {"test_share": 0.35, "external_share": 3 / work.fields, "duplicates": 0}
    start("draw", f"paths.root={folder}", *[f"draw.{name}={value}" for name, value in given.items()])
    tree, rng, tables = DataTree(folder), np.random.default_rng(number), []
    for image_set, truth in (("train", tree.train_csv), ("test", tree.test_truth)):
        for image_id, files in rgby.list_images(tree.raw_images(image_set)).items():
            rgby.write(folder / "images" / f"{image_id}.tif", rgby.read(files), image_id)
        rows = pd.read_csv(truth, dtype=str)
        sides = np.where(rng.random(len(rows)) < 1 / 6, "valid", "train")
        tables.append(rows.assign(split=sides if image_set == "train" else "test"))
    pd.concat(tables).to_csv(folder / "labels.csv", index=False)


def train(work: Work, number: int, piece: str, seed: int) -> None:
    """Train once, unless that is done."""
    run = work.run(number, piece, seed)
    if run.result.is_file():
        return
    images = [f"data.images={work.atlas(number) / 'images'}", f"data.labels={work.atlas(number) / 'labels.csv'}"]
    labels = "data.label_list=[" + ",".join(map(str, range(28))) + "]"
    start("train", *RECIPES[piece].settings, *images, labels, f"folder={run.folder}", f"seed={seed}")


def train_all(work: Work, atlases: tuple[int, ...], pieces: tuple[str, ...], seeds: tuple[int, ...]) -> None:
    """Train all, two at a time."""
    for number in atlases:
        draw(work, number)
    jobs = [(number, piece, seed) for seed in seeds for piece in pieces for number in atlases]
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda job: train(work, *job), jobs))


def compare(work: Work, number: int, pieces: tuple[str, ...], seeds: tuple[int, ...], name: str) -> pd.DataFrame:
    """Scores and costs of all pieces on the fields to test on: a row for each piece and metric."""
    out = ComparisonTree(work.folder / name / f"atlas{number}")
    runs = ",".join(str(work.run(number, piece, seed).folder) for piece in pieces for seed in seeds)
    if not out.page.is_file():
        words = ["dataset=test", "epoch=last", "threshold=auto", "predict='trainer=cpu workers=0'"]
        start("compare", f"runs=[{runs}]", *words, f"output={out.folder}")
    found = pd.read_csv(out.table("scores")).merge(pd.read_csv(out.table("cost")), on="model")
    folders = {work.run(number, piece, seeds[0]).folder.parent.name: piece for piece in pieces}
    return found.assign(piece=found["model"].str.partition("/")[0].map(folders), atlas=number)


def show(found: pd.DataFrame, pieces: tuple[str, ...]) -> str:
    """The table of a page: scores of the first piece, and how much each other differs from them, with its interval."""
    atlases = sorted(found["atlas"].unique())
    columns = ["recipe", *(f"{METRICS[metric]}, atlas {number}" for metric in METRICS for number in atlases)]
    rows = []
    for piece in pieces:
        its = found[found["piece"] == piece].set_index(["metric", "atlas"])
        cells = [
            said(its.loc[(metric, number)], is_first=piece == pieces[0]) for metric in METRICS for number in atlases
        ]
        cost = its.loc["macro_f1"]
        verdict = ("kept" if piece in KEPT else "left") if piece in PIECES and piece != REFERENCE else ""
        rows.append([piece, *cells, f"{cost['epochs'].iloc[0]:.0f}", f"{cost['cpu_seconds'].mean():.0f}", verdict])
    return table([*columns, "epochs", "seconds of a core", ""], rows)


def said(row: pd.Series, is_first: bool) -> str:
    """The score of what others are compared with, or the difference from it with its interval; in bold where sure."""
    if is_first:
        return f"{row['value']:.3f}"
    words = f"{row['difference']:+.3f} ({row['difference_low']:+.3f} to {row['difference_high']:+.3f})"
    return f"**{words}**" if row["difference_low"] > 0 or row["difference_high"] < 0 else words


def run(small: bool) -> Outcome:
    """Train with each piece on two atlases, report on two others, and write docs/evidence.md."""
    folder = Path("outputs/benchmark_evidence_small" if small else "outputs/benchmark_evidence").absolute()
    work = Work(folder, 60, SEEDS[:1], (REFERENCE, WEIGHTS), ()) if small else Work(folder)
    tried, judged = (*work.pieces, *work.together), (*work.pieces, *work.modern)
    train_all(work, TUNED, tried, SEEDS[:1])
    tuned = pd.concat([compare(work, number, tried, SEEDS[:1], "tuned") for number in TUNED])
    train_all(work, REPORTED, judged, work.seeds)
    reported = pd.concat([compare(work, number, judged, work.seeds, "reported") for number in REPORTED])
    two = (WEIGHTS, *work.modern)
    gained = pd.concat([compare(work, number, two, work.seeds, "gained") for number in REPORTED])
    if not small:
        fill("tuned", show(tuned, tried), PAGE)
        fill("reported", show(reported, judged), PAGE)
        fill("gained", show(gained, two), PAGE)
    tables = {"tuned": tuned, "reported": reported, "gained": gained}
    return Outcome([], {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()})


if __name__ == "__main__":
    main("evidence", run)
