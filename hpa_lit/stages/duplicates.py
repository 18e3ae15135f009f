"""Stages match and match_test (method 2.5 and 2.6): images that show the same field of cells.

Inputs: the lists of the sets, images/512/<set>.
Outputs: tables/hashes/<set>.parquet, tables/train_external_matches.parquet, tables/test_matches.parquet.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.stages import hashes, tables
from hpa_lit.stages.hashes import PLANES
from hpa_lit.stages.images import OnMissing
from hpa_lit.stages.workers import Workers

SIDES: tuple[ImageSet, ImageSet] = ("train", "external")
# Comparisons a step: small enough that a step's intermediates stay in the cache of a core.
QUERY_BLOCK, GALLERY_BLOCK = 16, 8192


def match(query: npt.ArrayLike, gallery: npt.ArrayLike, max_distance: int = 12) -> pd.DataFrame:
    """Find all pairs of images whose perceptual hashes are near each other in every plane.

    Exact: every pair is compared in every plane, so the time does not depend on what the hashes are.

    Args:
        query: Hashes of red, green and blue, shape (n, 3), uint64.
        gallery: The same of the other side, shape (m, 3).
        max_distance: Largest Hamming distance, 0..64, that a plane may have.

    Returns:
        Row numbers query and gallery and the distances SimR, SimG, SimB (int64), by query, then gallery. A row matches
        itself where both sides hold it.
    """
    # A plane after the other in memory, so that comparing reads straight on.
    rows, columns = (np.asfortranarray(_hashes(side)) for side in (query, gallery))

    def look(start: int) -> npt.NDArray[np.int64]:
        pairs = _pairs(rows[start : start + QUERY_BLOCK], columns, max_distance)
        pairs[:, 0] += start
        return pairs

    # Threads suffice: NumPy lets go of the interpreter while it compares.
    with ThreadPoolExecutor() as pool:
        blocks = list(pool.map(look, range(0, len(rows), QUERY_BLOCK)))
    pairs = np.concatenate([np.empty((0, 5), np.int64), *blocks])
    return pd.DataFrame(pairs, columns=["query", "gallery", "SimR", "SimG", "SimB"])


def match_ids(query: pd.DataFrame, gallery: pd.DataFrame, names: tuple[str, str], max_distance: int) -> pd.DataFrame:
    """`match` between two tables of Id, red, green, blue: the Ids under `names`, and the distances."""
    planes = list(PLANES)
    pairs = match(query[planes].to_numpy(), gallery[planes].to_numpy(), max_distance)
    ids = {
        names[0]: query["Id"].to_numpy()[pairs["query"]],
        names[1]: gallery["Id"].to_numpy()[pairs["gallery"]],
    }
    return pd.DataFrame(ids).join(pairs[["SimR", "SimG", "SimB"]])


def run_train_external(tree: DataTree, max_distance: int, workers: Workers, on_missing: OnMissing) -> None:
    """Write the pairs of train and external images."""
    train, external = (hashes.update(tree, image_set, workers, on_missing) for image_set in SIDES)
    pairs = match_ids(train, external, ("Train", "Extra"), max_distance)
    tables.write(tree.matches, pairs)
    print(f"match: {len(pairs)} pairs of a train and an external image")


def run_test(tree: DataTree, max_distance: int, workers: Workers, on_missing: OnMissing) -> None:
    """Write the pairs of test images, in both orders, by Test2, then Test1."""
    test = hashes.update(tree, "test", workers, on_missing)
    pairs = match_ids(test, test, ("Test2", "Test1"), max_distance)
    pairs = pairs[pairs["Test1"] != pairs["Test2"]][["Test1", "Test2", "SimR", "SimG", "SimB"]]
    tables.write(tree.test_matches, pairs)
    print(f"match_test: {len(pairs) // 2} pairs of test images")


def _hashes(side: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    hashes = np.asarray(side)
    if hashes.ndim != 2 or hashes.shape[1] != len(PLANES) or hashes.dtype != np.uint64:
        raise InputError(f"hashes must be uint64 of shape (n, 3), not {hashes.dtype} of shape {hashes.shape}")
    return hashes


def _pairs(rows: npt.NDArray[np.uint64], columns: npt.NDArray[np.uint64], limit: int) -> npt.NDArray[np.int64]:
    """Row, column and the three distances of the pairs within the limit, shape (pairs, 5), by row, then column."""
    # Fresh arrays would cost more than the comparisons: the system hands them out page by page.
    differing = np.empty((len(rows), GALLERY_BLOCK), np.uint64)
    distance, largest = np.empty((2, *differing.shape), np.uint8)
    found = [np.empty((0, 5), np.int64)]
    for start in range(0, len(columns), GALLERY_BLOCK):
        block = columns[start : start + GALLERY_BLOCK]
        here = np.s_[:, : len(block)]
        largest.fill(0)
        for plane in range(len(PLANES)):
            np.bitwise_xor(rows[:, plane, None], block[:, plane], out=differing[here])
            np.bitwise_count(differing[here], out=distance[here])
            np.maximum(largest[here], distance[here], out=largest[here])
        # Fifty times as fast as nonzero of two dimensions.
        row, column = divmod(np.flatnonzero(largest[here] <= limit), len(block))
        distances = np.bitwise_count(rows[row] ^ block[column]).astype(np.int64)
        found.append(np.column_stack([row, column + start, distances]))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
