"""Whether `train` learns as the reference does: the same fields, network and settings, from random weights.

The plain way is a loop of PyTorch over torchvision's network, written after methods 3 and 6; it shares the losses, the
table of rates and the eight views, which are held equal to the reference's number by number.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torchvision.models import resnet18

from benchmarks.measure import Outcome, Row, main
from benchmarks.trainings import interval, start
from hpa_lit.data import dihedral
from hpa_lit.files import rgby
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.losses import CombinedLoss, focal_loss
from hpa_lit.schedules import learning_rate
from hpa_lit.synthetic import Style, draw_field

SHOWN = (0, 1, 2, 5, 7, 19, 20, 21, 23, 25)  # locations of the fields, one or two in each
PLAIN = "plain PyTorch"
WAYS = {"train": [], "train, timm's first weights": ["+arch.options={zero_init_last: true}"]}
# Large cells without haze: what little pictures still show.
PLAIN_CELLS = {"radius": 0.2, "elongation": 1.2, "bend": 0.0, "arms": 0.0, "ruffles": 0.0, "islands": 0.0}
PLAIN_CELLS |= {"haze": 0.05, "variation": 0.2, "brightness": 180.0, "coarseness": 1.3}
BATCH = 48
MEAN, STD = (0.074598, 0.050630, 0.050891, 0.076287), (0.122813, 0.085745, 0.129882, 0.119411)  # method 2.8
FIGURES = ("training loss", "validation focal loss", "macro F1")


@dataclass(frozen=True)
class Size:
    """Of the work: fields, a quarter of them to validate on, their side, what the network sees of it, and epochs."""

    fields: int
    side: int
    crop: int
    epochs: int


class Net(nn.Module):
    """torchvision's ResNet-18 with the changes and the head of method 3."""

    def __init__(self) -> None:
        super().__init__()
        body = resnet18(weights=None)
        weight = body.conv1.weight
        body.conv1.weight = nn.Parameter(torch.cat([weight, weight[:, :1]], 1).detach())
        stem = (body.conv1, body.bn1, body.relu, nn.MaxPool2d(2, 2))
        self.maps = nn.Sequential(*stem, body.layer1, body.layer2, body.layer3, body.layer4)
        hidden = (nn.BatchNorm1d(1024), nn.Dropout(0.5), nn.Linear(1024, 512), nn.ReLU())
        self.head = nn.Sequential(*hidden, nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, len(LABEL_NAMES)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images (N, 4, H, W) uint8."""
        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        maps = self.maps((images / 255 - mean) / std)
        return self.head(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1))


def draw(folder: Path, size: Size) -> None:
    """Draw fields of one cell line and staining, and their table, Id,Target,split."""
    if (folder / "labels.csv").is_file():
        return
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(0), []
    style = replace(Style.draw(SHOWN, rng), **PLAIN_CELLS)
    for number in range(size.fields):
        labels = sorted(rng.choice(SHOWN, rng.integers(1, 3), replace=False).tolist())
        image_id = f"f{number:04d}"
        image = draw_field(labels, size.side, np.random.default_rng([0, number]), style)
        rgby.write(folder / "images" / f"{image_id}.tif", image, image_id)
        rows.append((image_id, " ".join(map(str, labels)), "train" if number % 4 else "valid"))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Id", "Target", "split"), *rows])


def plain(folder: Path, size: Size, seed: int) -> dict[str, float]:
    """Train the plain way; the figures of the last epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng, table, net, loss = np.random.default_rng(seed), pd.read_csv(folder / "labels.csv"), Net(), CombinedLoss()
    images = [rgby.read({rgby.STACK: folder / "images" / f"{image_id}.tif"}) for image_id in table["Id"]]
    target = torch.from_numpy(np.stack([encode(str(each), num_labels=len(LABEL_NAMES)) for each in table["Target"]]))
    training, validated = (np.flatnonzero(table["split"] == side) for side in ("train", "valid"))
    optimizer = torch.optim.Adam(net.parameters())

    def augmented(image: rgby.Pixels) -> Tensor:
        side = int(rng.integers(size.crop, size.side + 1))
        top, left = rng.integers(0, size.side - side + 1, 2)
        crop = cv2.resize(image[top : top + side, left : left + side], (size.crop, size.crop))
        return tensor(dihedral.apply(dihedral.VIEWS[rng.integers(8)], crop))

    def tensor(image: rgby.Pixels) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))

    for epoch in range(1, size.epochs + 1):
        optimizer.param_groups[0]["lr"] = learning_rate("adam45", epoch)
        losses, order = [], rng.permutation(training)
        for first in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[first : first + BATCH]
            value = loss(net(torch.stack([augmented(images[row]) for row in rows])), target[rows])
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(value.item())
    net.eval()
    seen = torch.stack([tensor(cv2.resize(images[row], (size.crop, size.crop))) for row in validated])
    with torch.no_grad():
        logits = torch.cat([net(part) for part in seen.split(BATCH)])
    f1 = f1_score(target[validated], logits > 0, average=None, zero_division=0.0)
    values = np.mean(losses), focal_loss(logits, target[validated]), f1[list(SHOWN)].mean()
    return dict(zip(FIGURES, map(float, values), strict=True))


def ours(folder: Path, size: Size, seed: int, way: str) -> dict[str, float]:
    """Train by the command; the figures of the last epoch."""
    run = folder / f"{way.replace(' ', '_')}_{seed}" / "fold0"
    words = [
        *("arch=resnet18", "arch.pretrained=false", "trainer=cpu", "logger=csv", "data=folder", "data.workers=0"),
        *(f"data.images={folder / 'images'}", f"data.labels={folder / 'labels.csv'}", f"folder={run}", f"seed={seed}"),
        *(f"data.image_size={size.side}", f"data.crop_size={size.crop}", f"batch_size={BATCH}"),
        *("scheduler=adam45", f"scheduler.epochs={size.epochs}", "keep_epochs=1"),
        f"data.label_list={list(range(len(LABEL_NAMES)))}",
        *WAYS[way],
    ]
    start("train", *words)
    log = pd.read_csv(next(run.rglob("metrics.csv")))
    return {
        name: float(log[column].dropna().iloc[-1])
        for name, column in zip(FIGURES, ("train/loss", "valid/focal", "valid/macro_f1"), strict=True)
    }


def train(way: str, seed: int, folder: Path, size: Size) -> dict[str, float]:
    """Train one way from one seed, and say what came of it."""
    found = plain(folder, size, seed) if way == PLAIN else ours(folder, size, seed, way)
    print(way, seed, found, flush=True)
    return found


def run(small: bool) -> Outcome:
    """Train each way from three seeds, two trainings at a time."""
    folder = Path("outputs/benchmark_learning_small" if small else "outputs/benchmark_learning").absolute()
    size, seeds = (Size(96, 48, 32, 1), (0,)) if small else (Size(400, 96, 64, 45), (0, 1, 2))
    draw(folder, size)
    jobs = list(product((PLAIN, *WAYS), seeds))
    results = joblib.Parallel(1 if small else 2)(joblib.delayed(train)(*job, folder, size) for job in jobs)
    found = {way: [each for (of, _), each in zip(jobs, results, strict=True) if of == way] for way in (PLAIN, *WAYS)}
    return Outcome([row(way, found, size) for way in found], {"scores": found})


def row(way: str, found: dict[str, list[dict[str, float]]], size: Size) -> Row:
    """A line of the table: a way of training, beside the plain one."""
    each = {name: [figures[name] for figures in found[way]] for name in FIGURES}
    return Row(
        f"learning, {way}",
        "" if way == PLAIN else "as the plain loop",
        "; ".join(f"{name} {interval(values)}" for name, values in each.items()),
        "" if way == PLAIN else _beside(each, found[PLAIN]),
        f"{size.epochs} epochs on {size.fields * 3 // 4} drawn fields; {len(found[way])} seeds, 95 % by Student's t, "
        "differences by Welch's",
    )


def _beside(each: dict[str, list[float]], plain_ones: Sequence[dict[str, float]]) -> str:
    """The differences of the means, which share no random number, with Welch's interval."""
    if len(plain_ones) == 1:
        return ""
    words = []
    for name, values in each.items():
        others = [other[name] for other in plain_ones]
        bounds = stats.ttest_ind(values, others, equal_var=False).confidence_interval()
        words.append(f"{name} {np.mean(values) - np.mean(others):+.3f} ({bounds.low:+.3f} to {bounds.high:+.3f})")
    return "; ".join(words)


if __name__ == "__main__":
    main("learning", run)
