"""Size and decoding time of a 4-channel TIFF, by compression, predictor and layout.

python benchmarks/compression.py DIR: DIR holds fields of cells, best as large as the HPA serves them; prints the table
of compression.md. One thread works in memory, so that the disk does not count.
"""

import io
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import tifffile

from hpa_lit import rgby

SIZES = (512, 768, 1536)
CODECS = {
    "none": {},
    "LZW": {"compression": "lzw"},
    "Deflate 1": {"compression": "zlib", "compressionargs": {"level": 1}},
    "Deflate 6": {"compression": "zlib", "compressionargs": {"level": 6}},
    "Zstandard 1": {"compression": "zstd", "compressionargs": {"level": 1}},
    "Zstandard 9": {"compression": "zstd", "compressionargs": {"level": 9}},
}
LAYOUTS = {
    "one strip": lambda size: {"rowsperstrip": size},
    "64 rows": lambda _: {"rowsperstrip": 64},
    "tiles": lambda _: {"tile": (256, 256)},
}
SECONDS = 0.3  # of repetition; the fastest counts, in processor time, so that other work on the machine hardly does


def main() -> None:
    cv2.setNumThreads(1)
    fields = [rgby.read(files) for files in rgby.list_images(Path(sys.argv[1])).values()]
    print("| side | compression | predictor | layout | size / pixels | write, ms | read, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for size, codec, predictor, layout in product(SIZES, CODECS, (False, True), LAYOUTS):
        if codec == "none" and (predictor or layout != "one strip"):
            continue
        images = [np.ascontiguousarray(cv2.resize(field, (size, size)).transpose(2, 0, 1)) for field in fields]
        settings = CODECS[codec] | LAYOUTS[layout](size) | {"predictor": predictor}
        files = [encode(image, settings) for image in images]
        share = sum(map(len, files)) / sum(image.nbytes for image in images)
        write = np.mean([fastest(partial(encode, image, settings)) for image in images])
        read = np.mean([fastest(partial(decode, file)) for file in files])
        marks = "yes" if predictor else "no"
        print(f"| {size} | {codec} | {marks} | {layout} | {share:.3f} | {write:.1f} | {read:.1f} |", flush=True)


def encode(image: np.ndarray, settings: dict) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, ome=True, photometric="minisblack", maxworkers=1, **settings)
    return buffer.getvalue()


def decode(file: bytes) -> np.ndarray:
    return tifffile.imread(io.BytesIO(file), maxworkers=1)


def fastest(work: Callable[[], object]) -> float:
    """Milliseconds of processor time of the fastest of several runs."""
    times = []
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        begin = time.thread_time()
        work()
        times.append(time.thread_time() - begin)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
