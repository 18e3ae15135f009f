"""Ratio thresholds of the test set."""

import numpy as np

from benchmarks.measure import Outcome, Row, main, seconds
from hpa_lit.results.thresholds import ratio


def grid_scan(probs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Method 10 as it is said: for each label and each of 10,000 points, the share of images above it."""
    grid = np.linspace(0, 1, 10000)
    result = []
    for label, share in enumerate(wanted):
        column = np.ascontiguousarray(probs[:, label])
        distance = np.abs(np.array([(column > point).mean() for point in grid]) - share)
        nearest = grid[distance == distance.min()]
        result.append(nearest[np.abs(nearest - 0.5).argmin()])
    return np.array(result)


def run(small: bool) -> Outcome:
    """Ratio thresholds of 11,702 images and 28 labels, against scanning the grid."""
    images, labels, repeats = (300, 3, 1) if small else (11_702, 28, 3)
    rng = np.random.default_rng(0)
    probs = rng.beta(0.3, 3, (images, labels))
    wanted = rng.uniform(0.001, 0.4, labels)
    np.testing.assert_array_equal(ratio(probs, wanted), grid_scan(probs, wanted))
    times = seconds(
        {
            "ours": lambda: ratio(probs, wanted),
            "plain": lambda: grid_scan(probs, wanted),
            "floor": lambda: np.sort(np.ascontiguousarray(probs.T)),
        },
        repeats,
    )
    row = Row(
        f"ratio thresholds {images:,} x {labels}",
        "50 x the grid scan, same result",
        f"{times['plain'] / times['ours']:.0f} x ({1000 * times['ours']:.0f} ms), the same to the bit",
        f"{times['ours'] / times['floor']:.1f} x sorting the columns",
        "a sort, and a search for the 10,000 points",
    )
    return Outcome([row], times | {"ratio": times["plain"] / times["ours"]})


if __name__ == "__main__":
    main("thresholds", run)
