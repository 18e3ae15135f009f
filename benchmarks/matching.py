"""Time and memory of the duplicate search at the size of the real atlas: python benchmarks/matching.py."""

import resource
import time

import numpy as np

from hpa_lit.stages.duplicates import match

TRAIN, EXTERNAL, PLANTED = 31_072, 74_606, 1_500


def main() -> None:
    rng = np.random.default_rng(0)
    train = rng.integers(0, 2**64, (TRAIN, 3), dtype=np.uint64)
    external = rng.integers(0, 2**64, (EXTERNAL, 3), dtype=np.uint64)
    twins = rng.choice(TRAIN, PLANTED, replace=False)
    flipped = np.uint64(0b111011)  # a few bits, in every plane
    external[rng.choice(EXTERNAL, PLANTED, replace=False)] = train[twins] ^ flipped
    begin = time.perf_counter()
    pairs = match(train, external)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(pairs)} pairs of {PLANTED} planted, {seconds:.1f} s, {memory:.2f} GiB at most")


if __name__ == "__main__":
    main()
