"""Rows of rare labels more often: repeat factors (Gupta et al. 2019, arXiv:1908.03195), with epochs as long as ever."""

import numpy as np
import numpy.typing as npt


def repeat_factors(targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64], threshold: float) -> npt.NDArray[np.float64]:
    """How often rows are to come in proportion: 1, and more for those with a label rarer than the threshold.

    A label that a share f of the rows has gets max(1, sqrt(threshold / f)), and a row the largest of its labels.

    Args:
        targets: Shape (N, K), 0 or 1.
        threshold: Share of the rows from which on a label is frequent enough, 0..1.

    Returns:
        Shape (N,), from 1 on.
    """
    share = targets.mean(axis=0)
    of_labels = np.sqrt(np.maximum(threshold / np.where(share > 0, share, 1), 1))
    factors: npt.NDArray[np.float64] = np.maximum((targets * of_labels).max(axis=1), 1)
    return factors


def epoch_rows(factors: npt.NDArray[np.float64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The rows of an epoch, as many as there are, a function of the seed and the epoch.

    Each is repeated by its factor, rounded up or down by chance so that the mean over epochs is the factor; N of all
    these, each as likely, are the epoch.

    Args:
        factors: Shape (N,), as `repeat_factors` gives them.
        seed: Of a training.
        epoch: Counted from 0.

    Returns:
        Shape (N,), in random order: r + N is row r a second time, see `ImageDataset`.
    """
    draw, rows = np.random.default_rng([seed, epoch]), len(factors)
    times = np.floor(factors + draw.random(rows)).astype(np.int64)
    before = np.cumsum(times) - times
    repeated = np.repeat(np.arange(rows), times)
    repeated += rows * (np.arange(len(repeated)) - np.repeat(before, times))
    return draw.permutation(repeated)[:rows]
