"""Training on fields, on cells and on bags of cells at equal cost, by the drawn atlas that knows its cells.

Cells are masked, unless a line says that their neighbours are kept.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measure import Outcome, Row, main
from benchmarks.trainings import interval, schedule, start
from hpa_lit.files.names import field_of

FIELD, CROP, SIDE, BAG = 256, 192, 96, 8  # of fields, of what is seen of them, of cells, cells in a bag
KINDS = ("fields", "cells", "cells_keep", "bags")
FIELDS = ["data=folder", f"data.image_size={FIELD}", f"data.crop_size={CROP}"]


@dataclass(frozen=True)
class Atlas:
    """A drawn atlas and what is made of it, in a folder that a run which was stopped goes on in."""

    folder: Path

    def images(self, name: str) -> Path:
        """The fields of a set."""
        return self.folder / "atlas" / "raw" / name

    @property
    def truth(self) -> Path:
        """What only the drawing knows."""
        return self.folder / "atlas" / "hidden"

    def net(self, kind: str, seed: int) -> Path:
        """The folder of a training."""
        return self.folder / "train" / f"{kind}_{seed}" / "fold0"

    def seen(self, name: str) -> Path:
        """The folder of cells, as a network saw and answered them."""
        return self.folder / "cells" / name


def train(atlas: Atlas, kind: str, seed: int, experiment: str, epochs: int, *words: str) -> None:
    """Train a network, unless that is done."""
    start(
        "train",
        f"experiment={experiment}",
        f"folder={atlas.net(kind, seed)}",
        f"data.labels={atlas.images('train')}.csv",
        f"seed={seed}",
        "data.workers=0",
        *schedule(epochs),
        *words,
    )


def see(atlas: Atlas, out: str, net: Path, *words: str, of: str = "test") -> Mapping[str, Any]:
    """Answer for the cells of a set, and score them."""
    given = [f"run={net}", f"truth={atlas.truth}", f"out={atlas.seen(out)}"]
    said = {word.partition("=")[0] for word in words}
    given += [word for word in (f"images={atlas.images(of)}", "others=mask") if word.partition("=")[0] not in said]
    start("cells", *given, "trainer=cpu", "workers=1", "outlines=false", *words)
    scores: Mapping[str, Any] = json.loads((atlas.seen(out) / "scores.json").read_text())
    return scores


def draw(atlas: Atlas, fields: int, size: int) -> None:
    """Draw fields of which most have cells that differ: a quarter to test on, and as few external ones as may be."""
    if not atlas.truth.is_dir():
        given = {"fields": fields, "size": size, "test_share": 0.25, "external_share": 3 / fields, "duplicates": 0}
        words = [f"draw.{name}={value}" for name, value in (given | {"mixed": 0.7, "seed": 6}).items()]
        start("draw", f"paths.root={atlas.folder / 'atlas'}", *words)


def epochs_of(atlas: Atlas, epochs: int) -> dict[str, int]:
    """Epochs in which as many pixels are seen as in those of fields."""
    cells = list(atlas.seen("train").glob("images/*/*.tif"))
    fields = len({path.parent for path in cells})
    squares = epochs * fields * (CROP / SIDE) ** 2  # of a cell's size
    each = {"cells": len(cells), "bags": fields * BAG}  # seen in an epoch
    return {"fields": epochs} | {kind: max(1, round(squares / seen)) for kind, seen in each.items()}


def train_all(atlas: Atlas, seeds: tuple[int, ...], longest: int) -> dict[str, int]:
    """Train on fields, cells, cells among their neighbours, and bags; two trainings at a time. Gives the epochs."""
    with ThreadPoolExecutor(2) as two:
        words = [*FIELDS, f"data.images={atlas.images('train')}"]
        list(two.map(lambda seed: train(atlas, "fields", seed, "small", longest, *words), seeds))
        net = atlas.net("fields", seeds[0])
        see(atlas, "train", net, of="train")
        see(atlas, "train_keep", net, "others=keep", f"masks={atlas.seen('train') / 'masks'}", of="train")
        epochs = epochs_of(atlas, longest)
        kinds = {
            "cells": ("small_cells", epochs["cells"], "train"),
            "cells_keep": ("small_cells", epochs["cells"], "train_keep"),
            "bags": ("small_bags", epochs["bags"], "train"),
        }
        jobs = [
            two.submit(train, atlas, kind, seed, experiment, many, f"data.images={atlas.seen(folder) / 'images'}")
            for seed in seeds
            for kind, (experiment, many, folder) in kinds.items()
        ]
        for job in jobs:
            job.result()
    return epochs


def validated(atlas: Atlas, kind: str, seed: int) -> Path:
    """A folder of links to the fields that a network did not learn from."""
    net, folder = atlas.net(kind, seed), atlas.folder / "validated" / f"{kind}_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    sides = pd.read_csv(net / "sides.csv")
    for field in sorted(set(sides.loc[sides["side"] == "valid", "Id"].map(field_of))):
        for path in atlas.images("train").glob(f"{field}_*"):
            if not (link := folder / path.name).exists():
                link.symlink_to(path)
    return folder


def judge(atlas: Atlas, seed: int) -> dict[str, Mapping[str, Any]]:
    """Score the networks of a seed on the test set in every way, by what it is."""
    masks, gate = f"masks={atlas.seen('test') / 'masks'}", f"gate={atlas.seen(f'test_fields_{seed}') / 'fields.csv'}"
    ways = {name: [name] for name in ("others=keep", "margin=0", "margin=0.3")}
    found = {}
    for kind in KINDS:
        words, net = [masks, *(["others=keep"] if kind == "cells_keep" else [])], atlas.net(kind, seed)
        found[kind] = see(atlas, f"test_{kind}_{seed}", net, *words)
        if kind == "fields":
            for name, more in ways.items():
                found[f"{kind}, {name}"] = see(atlas, f"test_{kind}_{seed}_{name}", net, *words, *more)
        else:
            found[f"{kind}, gated by fields"] = see(atlas, f"test_{kind}_{seed}_gated", net, *words, gate)
        if kind in ("fields", "cells"):
            folder = validated(atlas, kind, seed)
            fitted = f"fitted_{kind}_{seed}"
            see(atlas, fitted, net, f"images={folder}")
            if (decision := atlas.seen(fitted) / "decision.json").is_file():  # few fields decide nothing
                words.append(f"decision={decision}")
                found[f"{kind}, calibrated"] = see(atlas, f"test_{kind}_{seed}_calibrated", net, *words)
    return found


def run(small: bool) -> Outcome:
    """Draw, train three times each, and score cells of other fields."""
    atlas = Atlas(Path("outputs/benchmark_cells_small" if small else "outputs/benchmark_cells").absolute())
    fields, size, longest, seeds = (40, 192, 2, (0, 1)) if small else (520, 384, 30, (0, 1, 2))
    draw(atlas, fields, size)
    epochs = train_all(atlas, seeds, longest)
    made = see(atlas, "test", atlas.net("fields", seeds[0]))
    with ThreadPoolExecutor(2) as two:
        found = list(two.map(lambda seed: judge(atlas, seed), seeds))
    each = {name: [scores[name] for scores in found] for name in found[0]}
    rows = [row(name, each, epochs) for name in each]
    share = f"{made['found_cells']} found of {made['true_cells']} cells in {made['fields']} drawn fields"
    rows.insert(0, Row("segmentation precision", "said", f"{made['segmentation_precision']:.3f}", "", share))
    return Outcome(rows, {"epochs": epochs, "scores": each})


def row(name: str, each: Mapping[str, Sequence[Mapping[str, Any]]], epochs: Mapping[str, int]) -> Row:
    """A line of the table: a way of answering, beside plain field training."""
    kind = name.partition(",")[0]
    own, plain = ([scores["mean_average_precision"] for scores in each[key]] for key in (name, "fields"))
    error = interval([scores["calibration_error"] for scores in each[name]])
    many = epochs[kind.removesuffix("_keep")]
    gain = interval([one - two for one, two in zip(own, plain, strict=True)])
    return Row(
        f"mean average precision of cells, {name}",
        "said",
        interval(own),
        "" if name == "fields" else f"over fields: {gain}",
        f"calibration error {error}; {many} epochs; {len(own)} trainings, 95 % by Student's t",
    )


if __name__ == "__main__":
    main("cells", run)
