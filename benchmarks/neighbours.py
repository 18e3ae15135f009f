"""The nearest external images of every test image."""

import numpy as np
import torch

from benchmarks.measure import Outcome, Row, main, peak_memory, seconds
from hpa_lit.results.neighbours import match

WIDTH, NEAREST = 512, 3
CHUNK = 512  # queries at a time, as many as `match` takes


def full_matrix(query: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Method 11 as it is said: standardise, all cosines, sort."""
    unit = []
    for features in (query.astype(np.float64), gallery.astype(np.float64)):
        standard = (features - features.mean(axis=0)) / features.std(axis=0)
        unit.append(standard / np.linalg.norm(standard, axis=1, keepdims=True))
    cosines = unit[0] @ unit[1].T
    rows = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
    return rows, np.take_along_axis(cosines, rows, axis=1)


def run(small: bool) -> Outcome:
    """The 3 nearest of 74,606 to each of 11,702, against the matrix product alone and the full matrix of a sample."""
    queries, images, sample = (70, 500, 70) if small else (11_702, 74_606, 200)
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((images, WIDTH), np.float32) + rng.standard_normal(WIDTH, np.float32)
    twins = rng.choice(images, queries)
    query = gallery[twins] + rng.standard_normal((queries, WIDTH), np.float32)
    left, right = torch.from_numpy(query), torch.from_numpy(gallery).T
    result = torch.empty(CHUNK, images)

    def product() -> None:
        for chunk in left.split(CHUNK):
            torch.mm(chunk, right, out=result[: len(chunk)])

    begin = peak_memory()
    match(query, gallery, NEAREST, device="cpu")
    memory = peak_memory()
    few = query[:sample]
    for ours, plain in zip(match(few, gallery, NEAREST, device="cpu"), full_matrix(few, gallery), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-6)
    times = seconds(
        {
            "product": product,
            "ours": lambda: match(query, gallery, NEAREST, device="cpu"),
            "plain": lambda: full_matrix(few, gallery),
        },
        1 if small else 3,
    )
    times["plain"] *= queries / sample
    speed = 2e-9 * queries * images * WIDTH / times["product"]
    row = Row(
        f"neighbours {queries:,} x {images:,} x {WIDTH}, k = {NEAREST}",
        "within 2 x of the matrix product alone",
        f"{times['ours'] / times['product']:.2f} x ({times['ours']:.1f} s)",
        f"the product: {times['product']:.1f} s, {speed:.0f} GFLOP/s of {torch.get_num_threads()} threads",
        f"{times['plain'] / times['ours']:.0f} x as fast as the full matrix in double precision, sorted (from {sample} "
        f"queries); {memory:.2f} GiB at most, {begin:.2f} of them features",
    )
    return Outcome([row], times | {"peak_gib": memory, "before_gib": begin})


if __name__ == "__main__":
    main("neighbours", run)
