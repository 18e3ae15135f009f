"""The gallery images most like a query image, by their features, and what follows from them. method 11."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from hpa_lit.errors import InputError, listing
from hpa_lit.results.arrays import Doubles, finite

Features = npt.NDArray[np.floating]

THRESHOLDS = np.linspace(0.60, 0.80, 21).round(2)
_QUERIES = 512  # at a time: their cosines with 74,606 images take 153 MB
_BLOCK = 64  # gallery images whose largest cosine is looked at first
_PAIRS = 1 << 15  # scored in double precision at a time


def match(
    query: npt.ArrayLike,
    gallery: npt.ArrayLike,
    k: int = 3,
    standardise: Literal["each", "gallery"] = "each",
    device: str | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Find the k gallery images with the highest cosine similarity to each query.

    Features are standardised first: each column less its mean, over its standard deviation; a constant column is
    centred only. The answer is that of the full matrix of cosines in double precision, ties to the first row, while
    only a part of the matrix in single precision is ever in memory.

    Args:
        query: Raw features, shape (n, d).
        gallery: Raw features, shape (m, d), m at least k.
        k: Number of neighbours.
        standardise: "each" takes the statistics of each set for itself, as the reference does; "gallery" those of the
            gallery for both, for queries too few to have statistics.
        device: A torch device for the matrix products; the GPU when there is one.

    Returns:
        Row numbers in the gallery and cosines, both of shape (n, k), best first.
    """
    queries = finite("query features", query, 2, np.float32)
    images = finite("gallery features", gallery, 2, np.float32)
    if standardise not in ("each", "gallery"):
        raise InputError(f"standardise={standardise}: choose each or gallery")
    if queries.shape[1] != images.shape[1]:
        raise InputError(f"queries have {queries.shape[1]} features and the gallery {images.shape[1]}: use one model")
    if not 1 <= k <= len(images):
        raise InputError(f"k={k} neighbours out of a gallery of {len(images)} images: choose 1 to {len(images)}")
    rows, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    if not len(queries):
        return rows, scores
    of_gallery = _statistics(images)
    of_queries = of_gallery if standardise == "gallery" else _statistics(queries)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # The last image fills its block up: a block's largest cosine stays what it is.
    filled = np.minimum(np.arange(-(-len(images) // _BLOCK) * _BLOCK), len(images) - 1)
    units = np.concatenate(
        [_units(images[part], of_gallery) for part in _parts(filled, 8 * _QUERIES)], dtype=np.float32
    )
    in_place = torch.from_numpy(units).to(place)
    # Rounding to single precision moves a cosine by less than this: what lies so near the k-th is scored again.
    rounding = 2 * (images.shape[1] + 2) * float(np.finfo(np.float32).eps)
    for chunk in _parts(np.arange(len(queries)), _QUERIES):
        asked = _units(queries[chunk], of_queries)
        cosines = torch.from_numpy(asked.astype(np.float32)).to(place) @ in_place.T
        who, where = (part.cpu().numpy() for part in _candidates(cosines, k, rounding))
        who, where = who[where < len(images)], where[where < len(images)]
        exact = np.concatenate(
            [
                np.einsum("pd,pd->p", asked[who[part]], _units(images[where[part]], of_gallery))
                for part in _parts(np.arange(len(who)), _PAIRS)
            ]
        )
        order = np.lexsort((where, -exact, who))
        best = order[np.searchsorted(who[order], np.arange(len(chunk)))[:, None] + np.arange(k)]
        rows[chunk], scores[chunk] = where[best], exact[best]
    return rows, scores


def threshold_table(
    scores: npt.ArrayLike,
    same_antibody: npt.ArrayLike,
    equal_target: npt.ArrayLike,
    thresholds: npt.ArrayLike = THRESHOLDS,
) -> pd.DataFrame:
    """What each threshold on the best cosine would do.

    Args:
        scores: The best cosine of each query, shape (n,).
        same_antibody: Whether its best match shows the same antibody, shape (n,); False where the query's is unknown.
        equal_target: Whether its best match has the same labels, shape (n,); False where the query's are unknown.
        thresholds: Shape (t,).

    Returns:
        A row for each threshold: threshold, matched (queries above it), same_antibody and correct (of those),
        precision = correct / matched, recall = correct / all queries, f1.
    """
    best = finite("scores", scores, 1)
    above = best > np.asarray(thresholds, np.float64)[:, None]
    matched = above.sum(axis=1)
    correct = (above & np.asarray(equal_target, bool)).sum(axis=1)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "matched": matched,
            "same_antibody": (above & np.asarray(same_antibody, bool)).sum(axis=1),
            "correct": correct,
            "precision": correct / np.maximum(matched, 1),
            "recall": correct / max(len(best), 1),
            "f1": 2 * correct / np.maximum(matched + len(best), 1),
        }
    )


def choose_threshold(scores: npt.ArrayLike, equal_target: npt.ArrayLike, precision: float) -> float:
    """The lowest threshold whose matches have, to this share, the labels of their queries.

    Args:
        scores: The best cosine of each query whose labels are known, shape (n,).
        equal_target: Whether its best match has the same labels, shape (n,).
        precision: The least share of matches that must have, above 0.

    Returns:
        A score of the queries, or -1 where all of them may match; infinity where no threshold is good enough.
    """
    best = finite("scores", scores, 1)
    falling = np.argsort(-best, kind="stable")
    share = np.asarray(equal_target, bool)[falling].cumsum() / np.arange(1, len(best) + 1)
    below = np.append(best[falling], -1.0)[1:]  # the threshold that leaves out all but the first 1, 2, ... queries
    good = np.flatnonzero((share >= precision) & (best[falling] > below))
    return float(below[good[-1]]) if len(good) else float("inf")


def neighbour_table(
    ids: Sequence[str], rows: npt.NDArray[np.int64], scores: Features, gallery: pd.DataFrame
) -> pd.DataFrame:
    """The neighbours of each query in words, one row a neighbour.

    Args:
        ids: n query Ids.
        rows: Row numbers in `gallery`, shape (n, k).
        scores: Cosines, shape (n, k).
        gallery: A row for each gallery image, Id first.

    Returns:
        Id, rank (from 1), score, then the gallery's columns, named ``neighbour`` for its Id.
    """
    count, k = rows.shape
    head = {
        "Id": np.repeat(np.asarray(ids, object), k),
        "rank": np.tile(np.arange(1, k + 1), count),
        "score": scores.ravel(),
    }
    found = gallery.iloc[rows.ravel()].rename(columns={"Id": "neighbour"}).reset_index(drop=True)
    return pd.concat([pd.DataFrame(head), found], axis=1)


def refuse_shared(query_ids: Sequence[str], gallery_ids: Sequence[str]) -> None:
    """Refuse queries that are in the gallery: each would find itself."""
    if shared := sorted(set(query_ids) & set(gallery_ids)):
        raise InputError(
            f"{len(shared)} queries are in the gallery too, leave them out of one side:\n{listing(shared)}"
        )


def _statistics(features: Features) -> tuple[Doubles, Doubles]:
    """Mean of each column, and what to divide it by: its standard deviation, or 1 where the column is constant."""
    constant = features.min(axis=0) == features.max(axis=0)
    # The mean of equal numbers may be off in its last digit; theirs must leave exactly 0.
    mean = np.where(constant, features[0], features.mean(axis=0, dtype=np.float64))
    return mean, np.where(constant, 1, features.std(axis=0, dtype=np.float64))


def _units(features: Features, statistics: tuple[Doubles, Doubles]) -> Doubles:
    """Standardised features of length 1; an image at the mean of all features stays at 0."""
    mean, scale = statistics
    standard = (features - mean) / scale
    length = np.linalg.norm(standard, axis=1, keepdims=True)
    return np.asarray(standard / np.where(length == 0, 1, length))


def _parts(rows: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _candidates(cosines: torch.Tensor, k: int, rounding: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (row, column) of a matrix among which the k largest of each row lie.

    The k-th largest of the blocks' maxima is at most the k-th largest of the row, and so bounds it from below at the
    price of one pass over the matrix.
    """
    blocks = cosines.view(len(cosines), -1, _BLOCK)
    largest = blocks.amax(dim=2)
    if k > largest.shape[1]:
        bound = torch.full_like(largest[:, 0], -torch.inf)
    else:
        bound = largest.topk(k, dim=1).values[:, -1] - rounding
    who, block = torch.nonzero(largest >= bound[:, None], as_tuple=True)
    pair, place = torch.nonzero(blocks[who, block] >= bound[who, None], as_tuple=True)
    return who[pair], block[pair] * _BLOCK + place
