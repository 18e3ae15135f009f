"""Whether memory stays what it is, however long a loader runs and however many rows a prediction has."""

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Outcome, Row, forget_peak, main, peak_memory, resident_memory
from benchmarks.pictures import Repeated, fields
from hpa_lit.data.dihedral import VIEWS
from hpa_lit.files import prediction_file, rgby
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.inference import Job, describe, predict, view_names
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.nets import build_classifier

BATCH = 32
CPU = {
    "accelerator": "cpu",
    "devices": 1,
    "num_nodes": 1,
    "strategy": "auto",
    "precision": "32-true",
    "enable_progress_bar": False,
}


def own_memory(processes: Sequence[Any]) -> int:
    """Bytes that only these processes hold: what workers share with their parent does not count."""
    found = 0
    for process in processes:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        found += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private"))
    return found


def loads(folder: Path, size: int, crop: int, count: int, workers: int) -> float:
    """Bytes an image by which a loader grows from a tenth of `count` loads to all of them."""
    loader = Repeated(folder, count, size, crop, BATCH, workers).train_dataloader()
    first, at_first = 0, 0
    for number, _ in enumerate(loader, 1):
        if number == max(1, count // (10 * BATCH)):
            first, at_first = number, held(workers)
    return (held(workers) - at_first) / ((number - first) * BATCH)


def loads_and_peak(*arguments: Any) -> tuple[float, float]:
    """`loads`, and the GiB that its process has held at most."""
    return loads(*arguments), peak_memory()


def apply(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function here."""
    return function(*arguments)


def in_a_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function where nothing was held before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def held(workers: int) -> int:
    """Bytes that this process and its workers hold."""
    return resident_memory() + (own_memory(multiprocessing.active_children()) if workers else 0)


def predicted(folder: Path, rows: int, side: int, views: tuple[str, ...]) -> tuple[float, int]:
    """GiB that this process holds at most after predicting small images, and the bytes of an image's answers."""
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    rgby.write(folder / "pictures" / "one.tif", picture, "one")
    images = Repeated(folder / "pictures", rows, side, side, BATCH)
    images.setup("predict")
    model = describe(checkpoint(folder / "tiny.ckpt", side))
    job = Job(model, "test", images, folder / "out.parquet", views, True, BATCH, save_every=1)
    predict(job, CPU)
    peak, found = peak_memory(), prediction_file.read(job.output)
    assert found.features is not None
    return peak, (found.probabilities.nbytes + found.features.nbytes) // rows


def joined(folder: Path, rows: int, a_part: int, views: tuple[str, ...]) -> tuple[float, float]:
    """GiB that this process holds before it joins the parts of a prediction, and at most while it does."""
    ids = [f"i{row:06}" for row in range(rows)]
    for start in range(0, rows, a_part):
        some = ids[start : start + a_part]
        probabilities = np.full((len(some), len(views), len(LABEL_NAMES)), 0.5, np.float32)
        part = Predictions(tuple(some), ("ok",) * len(some), views, LABEL_NAMES, probabilities, "tiny", 0, "test", "")
        prediction_file.write(folder / "parts" / f"{start:06}.parquet", part)
    before = resident_memory() / 2**30
    forget_peak()
    parts = (prediction_file.read(path) for path in sorted((folder / "parts").iterdir()))
    prediction_file.write(folder / "joined.parquet", prediction_file.join(parts, ids))
    return before, peak_memory()


def checkpoint(path: Path, side: int) -> Path:
    net = build_classifier("resnet18")
    config = {
        "run_name": "tiny",
        "fold": 0,
        "split": "",
        "arch": {"_target_": "hpa_lit.nets.build_classifier", "arch": "resnet18"},
        "num_classes": len(LABEL_NAMES),
        "targets": "labels",
        "labels": list(LABEL_NAMES),
        "data": {"name": "tiny", "image_size": side, "crop_size": side, "bits": "auto"},
    }
    torch.save({"state_dict": {f"net.{key}": value for key, value in net.state_dict().items()}, "config": config}, path)
    return path


def run(small: bool) -> Outcome:
    """Growth of the loader over 20,000 loads, and of a prediction with its rows."""
    size, crop, count, few, many = (48, 32, 640, 32, 64) if small else (768, 512, 20_000, 1_000, 9_000)
    side, views, counts = 32, view_names(1, VIEWS), (0,) if small else (0, 2)
    call = apply if small else in_a_fresh_process
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row, image in enumerate(fields(size, 32)):
            rgby.write(folder / "store" / f"i{row}.tif", image, f"i{row}", "zstd")
        (peak_few, _), (peak_many, row) = (call(predicted, folder, rows, side, views) for rows in (few, many))
        all_rows, a_part = (200, 50) if small else (74_606, 1_000)
        before, at_join = call(joined, folder, all_rows, a_part, views)
        found = {workers: call(loads_and_peak, folder / "store", size, crop, count, workers) for workers in counts}
    growth, at_most = {workers: value for workers, (value, _) in found.items()}, max(peak for _, peak in found.values())
    per_row = (peak_many - peak_few) * 2**30 / (many - few)
    said = ", ".join(f"{value:.0f} bytes with {workers} workers" for workers, value in growth.items())
    outcome = Outcome(
        [
            Row(
                f"memory of the loader over {count:,} loads",
                "under 1 kB an image",
                said,
                "0",
                f"i{size} to {crop}; resident memory, and what is the workers' own; {at_most:.2f} GiB at most",
            ),
            Row(
                "memory of a prediction",
                "no more than the rows",
                f"{per_row / row:.2f} x the rows, from {few:,} to {many:,} images",
                f"the rows: {row / 1000:.1f} kB of probabilities and features an image",
                f"{len(views)} views, a part a second; {peak_many:.2f} GiB at most",
            ),
            Row(
                f"joining the parts of {all_rows:,} images",
                "no more than the rows",
                f"{at_join - before:.2f} GiB at most",
                f"{all_rows * len(views) * len(LABEL_NAMES) * 4 / 2**30:.2f} GiB of probabilities",
                f"{len(views)} views, {a_part:,} images a part",
            ),
        ],
        {
            "growth": growth,
            "prediction_bytes_a_row": per_row,
            "row_bytes": row,
            "peak_gib": at_most,
            "join_gib": [before, at_join],
        },
    )
    assert small or (max(growth.values()) < 1000 and per_row < 2 * row), outcome
    return outcome


if __name__ == "__main__":
    main("memory", run)
