"""The weights of arch=tiny_drawn, made anew: a training on drawn fields, each of a style of its own."""

from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
from sklearn.metrics import average_precision_score

from benchmarks.measure import Outcome, Row, main
from benchmarks.trainings import start
from hpa_lit.files import prediction_file
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.nets.state_files import read_state
from hpa_lit.results.arrays import Doubles, LabelMatrix

WEIGHTS = Path(__file__).parents[1] / "hpa_lit" / "nets" / "tiny_drawn.safetensors"
SEED = 1000  # of an atlas from which nothing else is drawn
SIDE, CROP = 288, 224
RECIPE = (
    *("experiment=small", "scheduler=warmup_cosine", "scheduler.rate=2e-3", "scheduler.warmup=1", "loss=bce"),
    *("optimizer=adamw", "callbacks=ema", "callbacks.ema.decay=0.998", "augment=strong", "batch_size=32"),
    "trainer.precision=bf16-mixed",
)


def draw(root: Path, fields: int) -> None:
    """Draw an atlas in which no two fields share a style; a tenth of it is to test on."""
    if (root / "hidden" / "cells.csv").is_file():
        return
    given = {"fields": fields, "size": SIDE, "images_per_antibody": 1, "test_share": 0.1, "external_share": 3 / fields}
    words = [f"draw.{name}={value}" for name, value in (given | {"duplicates": 0, "seed": SEED}).items()]
    start("draw", f"paths.root={root}", *words)


def train(root: Path, run: Path, epochs: int) -> None:
    """Train, validating on a twentieth of the fields."""
    raw = root / "raw"
    words = [f"data.images={raw / 'train'}", f"data.labels={raw / 'train.csv'}", "data.folds=20", "data.workers=1"]
    size = ["data=folder", f"data.image_size={SIDE}", f"data.crop_size={CROP}"]
    start("train", *RECIPE, f"scheduler.epochs={epochs}", f"folder={run}", "keep_epochs=1", *size, *words)


def keep(checkpoint: Path, path: Path) -> None:
    """Keep the network of a checkpoint as arch.weights reads it, in half precision."""
    state = {name: value for name, value in read_state(checkpoint).items() if name.startswith("net.")}
    halves = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    safetensors.torch.save_file({name: value.contiguous() for name, value in halves.items()}, path)


def answers(run: Path, root: Path, folder: Path) -> tuple[LabelMatrix, Doubles]:
    """What is true of the fields to test on, and what the network says of them, one view each."""
    out = folder / "test.parquet"
    images = root / "raw" / "test"
    start("predict", f"run={run}", "epoch=last", f"images={images}", "views=none", "trainer=cpu", f"out={out}")
    found = prediction_file.read(out)
    targets = pd.read_csv(root / "hidden" / "test_truth.csv").set_index("Id")["Target"]
    truth = np.stack([encode(str(targets[image_id]), num_labels=len(LABEL_NAMES)) for image_id in found.ids])
    return truth, found.probabilities[:, 0].astype(np.float64)


def best_ranks(truth: LabelMatrix, probs: Doubles) -> Doubles:
    """The rank of the most probable true label of each image, from 1."""
    order = (-probs).argsort(axis=1).argsort(axis=1) + 1
    return np.where(truth == 1, order, len(LABEL_NAMES)).min(axis=1).astype(np.float64)


def run(small: bool) -> Outcome:
    """Draw, train, test on other fields, and write the weights into the package."""
    folder = Path("outputs/benchmark_drawn_weights_small" if small else "outputs/benchmark_drawn_weights").absolute()
    fields, epochs = (60, 1) if small else (5600, 16)
    root, trained = folder / "atlas", folder / "fold0"
    draw(root, fields)
    train(root, trained, epochs)
    keep(trained / "checkpoints" / "last.ckpt", folder / WEIGHTS.name if small else WEIGHTS)
    truth, probs = answers(trained, root, folder)
    present = truth.any(axis=0)
    precision = average_precision_score(truth[:, present], probs[:, present])
    ranks = best_ranks(truth, probs)
    figures = {
        "mean average precision": float(precision),
        "first": float((ranks == 1).mean()),
        "first three": float((ranks <= 3).mean()),
    }
    said = "; ".join(f"{name} {value:.3f}" for name, value in figures.items())
    note = (
        f"{len(truth)} other fields, of other styles; first, first three: where the most probable true location stands"
    )
    return Outcome([Row("arch=tiny_drawn, made anew", "", said, "", note)], figures)


if __name__ == "__main__":
    main("drawn_weights", run)
