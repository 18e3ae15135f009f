"""How probabilities become answers, measured on the trainings of `benchmarks.evidence`: views, thresholds, calibration.

What is fitted to labels is fitted to the fields that a training was validated on, and judged on those it never saw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from benchmarks.evidence import PAGE, REFERENCE, REPORTED, SEEDS, Work, draw, said, train
from benchmarks.measure import Outcome, fill, main, table
from benchmarks.trainings import interval, start
from hpa_lit.data.record import read_record
from hpa_lit.files import prediction_file
from hpa_lit.labels import LABEL_NAMES, encode
from hpa_lit.results import calibration, comparison, deciding, thresholds
from hpa_lit.results.arrays import Doubles, LabelMatrix
from hpa_lit.results.decision import calibrated

DIHEDRAL = 8  # the first views of all: the whole image, turned and mirrored


@dataclass(frozen=True)
class Side:
    """What a network says of some fields in all views, probabilities (V, N, K), and what is true, (N, K)."""

    views: Doubles
    truth: LabelMatrix

    @property
    def whole(self) -> Doubles:
        """Of the whole image as it is, (N, K)."""
        return self.views[0]


@dataclass(frozen=True)
class Training:
    """A network on the fields where it was validated and those to test on, and how frequent labels were in training."""

    valid: Side
    test: Side
    frequency: Doubles


def predicted(work: Work, number: int, seed: int) -> Training:
    """Predict all 32 views of a training of the reference's recipe, unless that is done."""
    draw(work, number)
    train(work, number, REFERENCE, seed)
    run, sides = work.run(number, REFERENCE, seed), {}
    record = read_record(run.record)
    for name in ("valid", "test"):
        out = work.folder / "answers" / f"{name}_{number}_{seed}.parquet"
        if not out.is_file():
            words = [f"dataset={name}", "views=full", "epoch=last", "trainer=cpu", "workers=0"]
            start("predict", f"run={run.folder}", *words, f"out={out}")
        found = prediction_file.read(out)
        targets = record[name].set_index("Id")["Target"]
        sides[name] = Side(found.probabilities.swapaxes(0, 1).astype(np.float64), encoded(targets[list(found.ids)]))
    return Training(sides["valid"], sides["test"], encoded(record["train"]["Target"]).mean(axis=0))


def encoded(targets: pd.Series) -> LabelMatrix:
    """Targets as 0/1, (N, 28)."""
    return np.stack([encode(target, num_labels=len(LABEL_NAMES)) for target in targets])


def mean_of_logits(views: Doubles) -> Doubles:
    """The mean over views before the sigmoid."""
    return np.asarray(expit(logit(np.clip(views, 1e-7, 1 - 1e-7)).mean(axis=0)))


VIEWS: Mapping[str, Callable[[Doubles], Doubles]] = {
    "one view": lambda views: views[0],
    "8 views, maximum": lambda views: views[:DIHEDRAL].max(axis=0),
    "8 views, mean": lambda views: views[:DIHEDRAL].mean(axis=0),
    "32 views, maximum (the reference's)": lambda views: views.max(axis=0),
    "32 views, mean": lambda views: views.mean(axis=0),
    "32 views, mean of logits": mean_of_logits,
}
THRESHOLDS: Mapping[str, Callable[[Training], Doubles]] = {
    "one for all labels, the best": lambda net: common(net.valid.whole, net.valid.truth),
    "one for all labels, 0.5": lambda net: np.full(len(LABEL_NAMES), 0.5),
    "for each label: ratio as in training (the reference's)": lambda net: thresholds.ratio(
        net.test.whole, net.frequency
    ),
    "for each label: highest F1": lambda net: thresholds.f1(net.valid.whole, net.valid.truth),
    "for each label: F1 made smooth": lambda net: thresholds.soft_f1(net.valid.whole, net.valid.truth),
    "for each label: F1, drawn to the best one for all": lambda net: deciding.shrunk_thresholds(
        net.valid.whole, net.valid.truth, always_top=False
    ),
}


def common(probs: Doubles, truth: LabelMatrix) -> Doubles:
    """The best threshold for all labels, as `compare threshold=auto` has it."""
    return deciding.common_threshold(probs, truth, always_top=False)


def views(nets: Mapping[int, Sequence[Training]]) -> str:
    """The table of views, each with the common threshold that suits it."""
    metrics = {"mean_average_precision": "mean average precision", "macro_f1": "macro F1"}
    each = {
        name: {
            number: [(way(net.test.views), common(way(net.valid.views), net.valid.truth)) for net in its]
            for number, its in nets.items()
        }
        for name, way in VIEWS.items()
    }
    return compared(nets, each, metrics)


def choose(nets: Mapping[int, Sequence[Training]]) -> str:
    """The table of thresholds, on one view."""
    each = {
        name: {number: [(net.test.whole, way(net)) for net in its] for number, its in nets.items()}
        for name, way in THRESHOLDS.items()
    }
    return compared(nets, each, {"macro_f1": "macro F1"})


def compared(
    nets: Mapping[int, Sequence[Training]],
    ways: Mapping[str, Mapping[int, Sequence[tuple[Doubles, Doubles]]]],
    metrics: Mapping[str, str],
) -> str:
    """A table of ways, the first of which the others are compared with, on each atlas.

    Args:
        nets: Trainings by the atlas.
        ways: For each, atlas by atlas and training by training, probabilities and thresholds.
        metrics: What is shown, and its words.
    """
    cells: dict[str, list[str]] = {name: [] for name in ways}
    first = next(iter(ways))
    found = {}
    for number, its in nets.items():
        models = {name: [probs for probs, _ in way[number]] for name, way in ways.items()}
        limits = {name: [limit for _, limit in way[number]] for name, way in ways.items()}
        scores = comparison.compare(its[0].test.truth, models, LABEL_NAMES, limits).scores
        found[number] = scores.set_index(["model", "metric"])
    for metric in metrics:
        for scores in found.values():
            for name in ways:
                cells[name].append(said(scores.loc[(name, metric)], is_first=name == first))
    columns = [f"{words}, atlas {number}" for words in metrics.values() for number in nets]
    return table(["", *columns], [[name, *its] for name, its in cells.items()])


def before_and_after(net: Training) -> tuple[Doubles, Doubles]:
    """Probabilities of the fields to test on as the network gives them, and calibrated as a checkpoint does it."""
    groups = np.arange(len(net.valid.truth))
    methods = deciding.choose_methods(net.valid.whole, net.valid.truth, groups)
    fitted = deciding.fit_calibration(net.valid.whole, net.valid.truth, methods)
    return net.test.whole, calibrated(fitted, net.test.whole)


def error(truth: LabelMatrix, probs: Doubles) -> float:
    """Expected calibration error."""
    return calibration.expected_error(calibration.reliability(truth, probs))


def calibrations(nets: Sequence[Training]) -> str:
    """The table of calibration errors overall and of each label, over all trainings."""
    pairs = [(net.test.truth, *before_and_after(net)) for net in nets]
    columns = {"all labels": list(range(len(LABEL_NAMES)))} | {name: [k] for k, name in enumerate(LABEL_NAMES)}
    rows = []
    for name, shown in columns.items():
        before, after = ([error(pair[0][:, shown], pair[which][:, shown]) for pair in pairs] for which in (1, 2))
        gain = interval([two - one for one, two in zip(before, after, strict=True)])
        rows.append([name, f"{np.mean(before):.3f}", f"{np.mean(after):.3f}", gain])
    return table(["", "before", "after", "difference"], rows)


def reliability(nets: Sequence[Training]) -> str:
    """The table of probabilities beside shares, all trainings together."""
    truth = np.concatenate([net.test.truth for net in nets])
    both = [np.concatenate(its) for its in zip(*map(before_and_after, nets), strict=True)]
    before, after = (calibration.reliability(truth, probs) for probs in both)
    rows = [
        [f"{one.low:.1f} to {one.high:.1f}", *_bin(one), *_bin(two)]
        for one, two in zip(before.itertuples(), after.itertuples(), strict=True)
    ]
    return table(["probability", "cells", "mean", "share", "cells, calibrated", "mean", "share"], rows)


def _bin(row: object) -> list[str]:
    cells, probability, share = (getattr(row, name) for name in ("cells", "probability", "share"))
    return [f"{cells:,}", *("" if np.isnan(value) else f"{value:.2f}" for value in (probability, share))]


def run(small: bool) -> Outcome:
    """Predict the trainings of the reference's recipe in all views, and write the tables of docs/evidence.md."""
    folder = Path("outputs/benchmark_evidence_small" if small else "outputs/benchmark_evidence").absolute()
    work, seeds = (Work(folder, 60), (0, 1)) if small else (Work(folder), SEEDS)
    nets = {number: [predicted(work, number, seed) for seed in seeds] for number in REPORTED}
    every = [net for its in nets.values() for net in its]
    tables = {
        "views": views(nets),
        "thresholds": choose(nets),
        "calibration": calibrations(every),
        "reliability": reliability(every),
    }
    for name, text in tables.items():
        print(f"{name}\n{text}")
        if not small:
            fill(name, text, PAGE)
    return Outcome([], tables)


if __name__ == "__main__":
    main("answers", run)
