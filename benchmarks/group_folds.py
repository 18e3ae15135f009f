"""Folds that keep antibodies whole: how evenly they spread the labels."""

import os

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from benchmarks.measure import Outcome, Row, main, seconds
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.stages import folds, metadata


def images(small: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, 28) and antibody (N,) of the external list, else of drawn antibodies."""
    if shared := os.environ.get("HPA_LIT_SHARED"):
        table = metadata.label_table(pd.read_csv(f"{shared}/data/tables/HPAv18RBGY_wodpl.csv"), external=True)
        return table[list(LABEL_NAMES)].to_numpy(np.uint8), table["antibody"].to_numpy()
    rng = np.random.default_rng(0)
    antibody = np.repeat(np.arange(300 if small else 12_000), 6)
    located = rng.random((antibody[-1] + 1, 28)) < 0.5 / np.arange(1, 29)
    return (located[antibody] & (rng.random((len(antibody), 28)) < 0.9)).astype(np.uint8), antibody


def run(small: bool) -> Outcome:
    """Five folds of whole antibodies by several ways, and of images whose antibodies may be on both sides."""
    target, antibody = images(small)
    located = pd.DataFrame(target).groupby(antibody).max()  # every label that an image of the antibody has

    def iterative() -> list[list[np.ndarray]]:
        made = folds.split(located.to_numpy())
        return [[np.flatnonzero(np.isin(antibody, located.index[side])) for side in sides] for sides in made]

    ways = {
        "ours": lambda: folds.split_groups(target, antibody.astype(str)),
        "antibodies, iterative": iterative,
        "GroupKFold": lambda: list(GroupKFold(5).split(target, groups=antibody)),
        "images, iterative": lambda: folds.split(target),
    }
    counted = np.column_stack([target[:, located.sum() >= 10], np.ones(len(target))])
    off, said = {}, {}
    for name, way in ways.items():
        shares = np.array([counted[rows].sum(axis=0) for _, rows in way()]) / counted.sum(axis=0)
        *labels, size = 100 * np.abs(5 * shares - 1).T
        off[name] = float(np.mean(labels))
        said[name] = f"{off[name]:.1f} % (at worst {np.max(labels):.0f} %), size {size.max():.1f} %"
    assert off["ours"] < off["antibodies, iterative"] < off["GroupKFold"]
    times = seconds(ways, 1 if small else 3)
    row = Row(
        f"folds that keep {len(located):,} antibodies whole: a label's share off a fifth",
        "half of the other ways",
        f"{said['ours']}; {times['ours']:.1f} s",
        f"{said['images, iterative']}, antibodies on both sides",
        "; ".join(f"{name}: {said[name]}" for name in ("antibodies, iterative", "GroupKFold")),
    )
    return Outcome([row], {"off_percent": off, "seconds": times})


if __name__ == "__main__":
    main("group_folds", run)
