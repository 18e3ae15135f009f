"""Size, and time of encoding and decoding, of the TIFFs that images could be prepared as."""

import io
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import tifffile

from benchmarks.measure import HERE, Outcome, Row, fill, main, seconds, table
from benchmarks.pictures import fields, origin
from hpa_lit.data.loading import one_thread

SIZES = (512, 768, 1536)
CODECS: dict[str, dict[str, Any]] = {
    "none": {},
    "PackBits": {"compression": "packbits"},
    "LZW": {"compression": "lzw"},
    "Deflate 1": {"compression": "zlib", "compressionargs": {"level": 1}},
    "Deflate 6": {"compression": "zlib", "compressionargs": {"level": 6}},
    "Zstandard -1": {"compression": "zstd"},
    "Zstandard 1": {"compression": "zstd", "compressionargs": {"level": 1}},
    "Zstandard 9": {"compression": "zstd", "compressionargs": {"level": 9}},
}
LAYOUTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "one strip": lambda size: {"rowsperstrip": size},
    "64 rows": lambda _: {"rowsperstrip": 64},
    "tiles": lambda _: {"tile": (256, 256)},
}
OURS = ("PackBits", "Deflate 1", "Zstandard -1", "none")  # in one strip, without a predictor


def worth_a_try(size: int, codec: str, predictor: bool, layout: str) -> bool:
    if codec in ("none", "Zstandard -1"):  # the latter is encoded plane by plane
        return layout == "one strip" and not predictor
    if predictor:
        return layout == "one strip" and codec != "PackBits"
    return layout == "one strip" or size == max(SIZES)


def in_imagej(codec: str, predictor: bool, layout: str) -> str:
    """What ImageJ 1.53t was seen to show; `tests/files/test_files_store_opens.py` tries those that are ours."""
    if "Zstandard" in codec or layout == "tiles":
        return "refused"
    return "other pixels" if "Deflate" in codec and predictor else "the pixels"


def encode(planes: np.ndarray, codec: str, settings: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    data: Any = planes
    if codec == "Zstandard -1":
        data = (pa.Codec("zstd", -1).compress(plane, asbytes=True) for plane in planes)
    tifffile.imwrite(
        buffer, data, shape=planes.shape, dtype=planes.dtype, photometric="minisblack", maxworkers=1, **settings
    )
    return buffer.getvalue()


def decode(file: bytes) -> np.ndarray:
    return np.asarray(tifffile.imread(io.BytesIO(file), maxworkers=1))


def run(small: bool) -> Outcome:
    """Every codec, predictor and layout, in memory and on one core, read and written by tifffile alike."""
    one_thread(0)
    outcome, lines = Outcome(), []
    for size in (64,) if small else SIZES:
        stacks = [np.ascontiguousarray(image.transpose(2, 0, 1)) for image in fields(size, 3)]
        for codec, predictor, layout in product(CODECS, (False, True), LAYOUTS):
            if not worth_a_try(size, codec, predictor, layout):
                continue
            settings = CODECS[codec] | LAYOUTS[layout](size) | {"predictor": predictor}
            files = [encode(stack, codec, settings) for stack in stacks]
            for file, stack in zip(files, stacks, strict=True):
                np.testing.assert_array_equal(decode(file), stack)
            share = sum(map(len, files)) / sum(stack.nbytes for stack in stacks)
            ways = {
                "write": partial(encode_all, stacks, codec, settings),
                "read": lambda files=files: [decode(file) for file in files],
            }
            times = {name: 1000 * value / len(stacks) for name, value in seconds(ways, 1 if small else 9).items()}
            marks = [size, codec, "yes" if predictor else "no", layout]
            shown = in_imagej(codec, predictor, layout)
            lines.append([*marks, f"{share:.3f}", f"{times['write']:.1f}", f"{times['read']:.1f}", shown])
            outcome.figures[" ".join(map(str, marks))] = times | {"share": share}
            if size == 768 and layout == "one strip" and codec in OURS and not predictor:
                name = f"prepared image of 768, {codec}"
                note = f"lossless; ImageJ: {shown}, Bio-Formats: the pixels; by tifffile; {origin()}"
                said = f"{share:.2f} of the pixels; written in {times['write']:.1f} ms, read in {times['read']:.1f} ms"
                outcome.rows.append(Row(name, "said", said, "", note))
    if not small:
        heads = ["side", "compression", "predictor", "layout", "size / pixels", "write, ms", "read, ms", "ImageJ shows"]
        fill("compression", f"{table(heads, lines)}\n\nPictures: {origin()}.", HERE / "compression.md")
    return outcome


def encode_all(stacks: list[np.ndarray], codec: str, settings: dict[str, Any]) -> None:
    for stack in stacks:
        encode(stack, codec, settings)


if __name__ == "__main__":
    main("compression", run)
