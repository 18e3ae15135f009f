"""Which plane of an image shows what, judged by how its planes follow one another.

Microtubules and endoplasmic reticulum fill the same cytoplasm and leave out the nucleus, whatever the protein does. So
a nucleus in a wrong plane shows in most images, a protein in a wrong plane in some, and microtubules and reticulum
taken for each other in none.
"""

from itertools import permutations

import cv2
import numpy as np
import numpy.typing as npt

from hpa_lit.files.rgby import COLORS, Pixels

SIDE = 128  # correlations are taken at this size, where noise and texture are gone
# Correlations between red, green, blue and yellow, and their spread: between those of the HPA's fields of cells (red
# with yellow 0.8, blue with either 0) and of drawn ones (0.5 and -0.1), wide where the protein has a say.
USUAL = np.array([[1, 0.45, -0.1, 0.65], [0.45, 1, 0.1, 0.45], [-0.1, 0.1, 1, -0.1], [0.65, 0.45, -0.1, 1]])
SPREAD = np.array([[1, 0.25, 0.2, 0.2], [0.25, 1, 0.3, 0.25], [0.2, 0.3, 1, 0.2], [0.2, 0.25, 0.2, 1]])
PAIRS = np.triu_indices(len(COLORS), 1)
# The planes that play red, green, blue and yellow. Red and yellow play one part, so they stay in order.
CASTS = [cast for cast in permutations(range(len(COLORS))) if cast[0] < cast[3]]
# Logarithm of how many times likelier another cast must be: 4 was the most among 233 images with nothing wrong.
ENOUGH = 8.0


def correlations(image: Pixels) -> npt.NDArray[np.float64]:
    """Correlations between the planes of an image (H, W, 4) in which no plane is of one value: shape (4, 4)."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.corrcoef(small.reshape(-1, len(COLORS)), rowvar=False))


def suspicion(found: npt.NDArray[np.float64]) -> str:
    """What seems to be in a wrong plane, with the correlations that say most about it.

    Args:
        found: `correlations` of an image.

    Returns:
        Such as ``"the nucleus in red (red-yellow -0.12, red-blue -0.10, blue-yellow 0.70)"``, usual being 0.65, -0.10
        and -0.10; the protein if it alone seems misplaced; empty unless another order is much likelier.
    """
    likelihoods = [_likelihood(found, cast) for cast in CASTS]
    if max(likelihoods) - likelihoods[CASTS.index((0, 1, 2, 3))] < ENOUGH:
        return ""
    _, protein, nucleus, _ = (COLORS[plane] for plane in CASTS[int(np.argmax(likelihoods))])
    what = f"the nucleus in {nucleus}" if nucleus != "blue" else f"the protein in {protein}"
    return f"{what} (red-yellow {found[0, 3]:.2f}, red-blue {found[0, 2]:.2f}, blue-yellow {found[2, 3]:.2f})"


def _likelihood(found: npt.NDArray[np.float64], cast: tuple[int, ...]) -> float:
    """Logarithm, up to a constant, of how likely the correlations are if these planes play red, green, blue, yellow."""
    return float(-0.5 * np.sum(((found[np.ix_(cast, cast)] - USUAL) / SPREAD)[PAIRS] ** 2))
