"""The duplicate search at the size of the real atlas."""

import os
import time

import imagehash
import numpy as np

from benchmarks.measure import Outcome, Row, main, peak_memory, seconds
from hpa_lit.stages.duplicates import match

PLANES = 3


def object_by_object(query: np.ndarray, gallery: np.ndarray, limit: int = 12) -> list[tuple[int, int, int, int, int]]:
    """Method 2.5 as it is said: hashes of the ImageHash library, subtracted pair by pair."""
    queries, images = ([[_hash(plane) for plane in row] for row in side] for side in (query, gallery))
    found = []
    for row, left in enumerate(queries):
        for column, right in enumerate(images):
            distances = [a - b for a, b in zip(left, right, strict=True)]
            if max(distances) <= limit:
                found.append((row, column, *map(int, distances)))
    return found


def _hash(value: np.uint64) -> imagehash.ImageHash:
    return imagehash.ImageHash(np.unpackbits(np.array([value]).view(np.uint8)).reshape(8, 8).astype(bool))


def run(small: bool) -> Outcome:
    """31,072 hashes against 74,606 in three planes; subtracting ImageHash objects is extrapolated from a sample."""
    train, external, planted, sample = (200, 300, 20, 40) if small else (31_072, 74_606, 1_500, 300)
    rng = np.random.default_rng(0)
    query = rng.integers(0, 2**64, (train, PLANES), dtype=np.uint64)
    gallery = rng.integers(0, 2**64, (external, PLANES), dtype=np.uint64)
    flipped = np.uint64(0b111011)  # a few bits, in every plane
    gallery[rng.choice(external, planted, replace=False)] = query[rng.choice(train, planted, replace=False)] ^ flipped
    begin = peak_memory()
    found = match(query, gallery)
    memory = peak_memory()
    assert len(found) == planted
    # A sample with pairs in it, from which the time for all is taken.
    rows, columns = (np.unique(found[side])[: sample // 2] for side in ("query", "gallery"))
    q = np.concatenate([query[rows], query[: sample - len(rows)]])
    g = np.concatenate([gallery[columns], gallery[: sample - len(columns)]])
    assert object_by_object(q, g) == list(match(q, g).itertuples(index=False, name=None))
    one = time.perf_counter()
    object_by_object(q, g)
    plain = (time.perf_counter() - one) * train * external / (len(q) * len(g))
    block = rng.integers(0, 2**64, (2, 16, 8192), dtype=np.uint64)
    counted = np.empty((16, 8192), np.uint8)
    times = seconds({"ours": lambda: match(query, gallery)}, 1 if small else 3)
    count = seconds({"floor": lambda: np.bitwise_count(block[0], out=counted)}, 200)["floor"]
    floor = count * PLANES * train * external / counted.size / len(os.sched_getaffinity(0))
    row = Row(
        "hash matching at full size" if not small else "hash matching, small",
        "500 x object by object; 1 GB at most",
        f"{plain / times['ours']:,.0f} x ({times['ours']:.1f} s); {memory:.2f} GiB at most",
        f"{times['ours'] / floor:.1f} x counting the bits alone ({floor:.1f} s)",
        f"object by object, from {len(q)} x {len(g)} pairs: {plain / 3600:.1f} h; {begin:.2f} GiB before the search",
    )
    return Outcome([row], times | {"plain": plain, "floor": floor, "peak_gib": memory, "before_gib": begin})


if __name__ == "__main__":
    main("matching", run)
