"""Images drawn again with replacement: how much a score would move with other images of the same kind. method 12."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from hpa_lit.results.arrays import Doubles, LabelMatrix

SAMPLES = 1000
LEVEL = 0.95


def drawn(count: int, samples: int = SAMPLES, seed: int = 0) -> Iterator[npt.NDArray[np.float32]]:
    """How often each image is in each sample, shape (count,): a sample's counts are one product with this vector."""
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        yield np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float32)


def interval(scores: Doubles, level: float = LEVEL) -> tuple[float, float]:
    """Bounds of the middle `level` of samples, shape (samples,); NaN are left out, and give NaN where all are."""
    known = scores[np.isfinite(scores)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def average_precision(truth: LabelMatrix, probs: Doubles) -> Callable[[npt.NDArray[np.float32]], Doubles]:
    """Average precision of a sample, shape (K,), from how often each image is in it; the images are sorted once.

    Args:
        truth: 0/1, shape (N, K).
        probs: Shape (N, K).

    Returns:
        A function of counts, shape (N,); it gives NaN for a label that no image of the sample has.
    """
    order = np.argsort(-probs.T, axis=1, kind="stable")
    falling = np.take_along_axis(probs.T, order, axis=1)
    has = np.take_along_axis(truth.T, order, axis=1)
    # Images of equal probability are found together: precision counts at the last one of each such group.
    ends = np.where(np.diff(falling, axis=1, append=-1) != 0, np.arange(len(probs)), len(probs))
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]

    def of_sample(counts: npt.NDArray[np.float32]) -> Doubles:
        found = counts[order]
        hits = found * has
        precision = hits.cumsum(axis=1) / np.maximum(found.cumsum(axis=1), 1)
        total = hits.sum(axis=1)
        weighted = (hits * np.take_along_axis(precision, ends, axis=1)).sum(axis=1)
        return np.asarray(weighted / np.where(total > 0, total, np.nan), np.float64)

    return of_sample
