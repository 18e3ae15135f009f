"""Which images are unlike all of a gallery, by a rule that says how often it is mistaken. method 11."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from hpa_lit.errors import InputError
from hpa_lit.results.arrays import Doubles, finite

FOLDS = 10  # parts in which gallery images are left out


@dataclass(frozen=True, eq=False)
class NoveltyRule:
    """Calls images novel that lie farther from the gallery than nearly all images of its kind.

    Attributes:
        held_out: `distances` of images of the gallery's kind that are not in it, shape (n,).
        wanted: Share of such images that may be called novel by mistake.
    """

    held_out: Doubles
    wanted: float

    @property
    def false_alarms(self) -> float:
        """The share that it comes to: n images can set k / (n + 1), k at least 1."""
        return self._allowed / (len(self.held_out) + 1)

    def novel(self, distances: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each image is called novel, shape (N,)."""
        return self._as_far(distances) <= self._allowed

    def p_values(self, distances: npt.ArrayLike) -> Doubles:
        """The share of images of the gallery's kind, the image counted as one, that lie as far from it; shape (N,)."""
        return self._as_far(distances) / (len(self.held_out) + 1)

    @property
    def _allowed(self) -> int:
        """How many images of n + 1 may be called novel."""
        return max(1, int(self.wanted * (len(self.held_out) + 1)))

    def _as_far(self, distances: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many images lie as far as each one, it and the n held out."""
        nearer = np.searchsorted(np.sort(self.held_out), distances, side="left")
        return np.asarray(len(self.held_out) + 1 - nearer)


def distances(query: npt.ArrayLike, gallery: npt.ArrayLike) -> Doubles:
    """How far each query is from its nearest gallery image, in the Mahalanobis distance.

    Unlike the cosine, it counts every direction by how much the gallery's images vary along it: a photograph may point
    where drawings do, and yet differ from them where they hardly differ among themselves. The covariance is that of the
    gallery, shrunk as Ledoit and Wolf do, since a gallery may have fewer images than features.

    Args:
        query: Raw features, shape (n, d).
        gallery: Raw features, shape (m, d).

    Returns:
        Shape (n,).

    Raises:
        InputError: The widths differ, or the gallery's images do not differ from each other.
    """
    queries, images = finite("query features", query, 2), finite("gallery features", gallery, 2)
    if queries.shape[1] != images.shape[1]:
        raise InputError(f"queries have {queries.shape[1]} features and the gallery {images.shape[1]}: use one model")
    if not len(queries):
        return np.empty(0)
    if (images == images[:1]).all():
        raise InputError(
            f"the {len(images)} images of the gallery do not differ in their features, so nothing can be called novel "
            "beside them: give a gallery of more images"
        )
    variances, axes = np.linalg.eigh(LedoitWolf(store_precision=False).fit(images).covariance_)
    kept = variances > variances[-1] * np.finfo(np.float64).eps * len(axes)
    white, mean = axes[:, kept] / np.sqrt(variances[kept]), images.mean(axis=0)
    nearest = NearestNeighbors(n_neighbors=1, algorithm="brute").fit((images - mean) @ white)
    return np.asarray(nearest.kneighbors((queries - mean) @ white)[0][:, 0])


def left_out(gallery: npt.NDArray[np.floating], rows: npt.NDArray[np.int64]) -> Doubles:
    """How far gallery images are from the rest of the gallery; they are left out a tenth at a time.

    Args:
        gallery: Raw features, shape (m, d).
        rows: The images, shape (n,).

    Returns:
        Shape (n,).
    """
    found = np.empty(len(rows))
    for fold in range(min(FOLDS, len(rows))):
        part = rows[fold::FOLDS]  # neighbours in Id order, often of one antibody, are in different parts
        found[fold::FOLDS] = distances(gallery[part], np.delete(gallery, part, axis=0))
    return found
