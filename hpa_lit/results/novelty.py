"""Which images are unlike all of a gallery, by a rule that says how often it is mistaken. method 11."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from hpa_lit.errors import InputError
from hpa_lit.results.arrays import Doubles, finite
from hpa_lit.results.files import read_features
from hpa_lit.results.neighbours import refuse_shared

FOLDS = 10  # parts in which gallery images are left out
LEFT_OUT = 2000  # of them, which say how far images of the gallery's kind are from the others


@dataclass(frozen=True, eq=False)
class NoveltyRule:
    """Calls images novel that lie farther from the gallery than nearly all images of its kind.

    Distances may be taken in several ways. Then an image is as far off as it is in that way in which it passes most of
    the held-out images.

    Attributes:
        held_out: `distances` of images of the gallery's kind that are not in it, in m ways, shape (n, m).
        wanted: Share of such images that may be called novel by mistake.
        source: In words, which images these are.
    """

    held_out: Doubles
    wanted: float
    source: str = ""

    @property
    def false_alarms(self) -> float:
        """The share that it comes to: n images can set k / (n + 1), k at least 1."""
        return self._allowed / (len(self.held_out) + 1)

    def novel(self, distances: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each image is called novel, shape (N,), by distances of shape (N, m)."""
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
        nearer = np.searchsorted(np.sort(self._passed(self.held_out)), self._passed(distances), side="left")
        return np.asarray(len(self.held_out) + 1 - nearer)

    def _passed(self, distances: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many held-out images are nearer than each one, in the way in which these are most."""
        ways = zip(self.held_out.T, np.asarray(distances).T, strict=True)
        passed = [np.searchsorted(np.sort(held_out), far, side="left") for held_out, far in ways]
        return np.asarray(np.max(passed, axis=0))


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


def rule_of_file(
    path: Path, ids: Sequence[str], gallery: npt.NDArray[np.floating], wanted: float, on_failed: str
) -> NoveltyRule:
    """The rule that images outside of the gallery set, by their features alone.

    Args:
        path: Their features.
        ids: Of the gallery, m of them.
        gallery: Its raw features, shape (m, d).
        wanted: Share of false alarms.
        on_failed: "error" or "drop", see `read_features`.
    """
    others, features = read_features(path, on_failed)
    refuse_shared(others, ids)
    return NoveltyRule(distances(features, gallery)[:, None], wanted, f"the features of {len(others)} images of {path}")


def spread(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Every so many rows, where they are more than say how far images of the gallery's kind are."""
    return rows[:: max(1, len(rows) // LEFT_OUT)]


def rule_of_gallery(
    ids: Sequence[str],
    features: npt.NDArray[np.floating],
    appearances: npt.NDArray[np.floating],
    shown: npt.NDArray[np.int64],
    trained: Collection[str],
    wanted: float,
) -> NoveltyRule:
    """The rule that images of the gallery set, each left out in turn: those that the network was not trained on.

    All, where these are too few for the wanted share of false alarms.

    Args:
        ids: Of the gallery, m of them.
        features: Raw, of the gallery, shape (m, d).
        appearances: How some of its images look, shape (n, e).
        shown: The rows of these in the gallery, shape (n,).
        trained: Ids that the network was trained on, none where that is not known.
        wanted: Share of false alarms.
    """
    unseen = np.flatnonzero([ids[row] not in trained for row in shown])
    which = " that the network was not trained on"
    if not trained or wanted * (len(unseen) + 1) < 1:
        unseen, which = np.arange(len(shown)), ""
    held_out = np.column_stack([left_out(features, shown[unseen]), left_out(appearances, unseen)])
    return NoveltyRule(
        held_out, wanted, f"features and looks of {len(unseen)} images of the gallery{which}, left out in turn"
    )


def judge(found: pd.DataFrame, rule: NoveltyRule, far: Doubles) -> str:
    """Add p_value, novel and false_alarms to a table of neighbours, and say how many images are novel.

    Args:
        found: The neighbours of N images, k each.
        rule: What calls them novel.
        far: How far each is from the gallery, in the m ways of the rule, shape (N, m).
    """
    repeated = np.repeat(far, len(found) // len(far) if len(far) else 1, axis=0)
    found["p_value"], found["novel"] = rule.p_values(repeated), rule.novel(repeated)
    found["false_alarms"] = rule.false_alarms
    return (
        f"{rule.novel(far).sum()} of {len(far)} images are novel: unlike all of the gallery, by a rule that calls "
        f"{rule.false_alarms:.1%} of the gallery's kind so by mistake (set by {rule.source})"
    )
