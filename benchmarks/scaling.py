"""What more workers and more processes bring."""

import json
import logging
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, get_args

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.measure import Outcome, Row, main
from benchmarks.pictures import Repeated, fields
from hpa_lit.cli import ranks
from hpa_lit.data.loading import one_thread
from hpa_lit.files import rgby
from hpa_lit.files.stack_tiff import Compression
from hpa_lit.losses import CombinedLoss
from hpa_lit.nets import build_classifier
from hpa_lit.tasks import ClassifyTask

BATCH = 16

Loader = DataLoader[Any]


def epoch(loader: Loader) -> tuple[float, float]:
    """Seconds of the second epoch of a loader: to its first batch, and in all."""
    list(loader)
    begin, first = time.perf_counter(), 0.0
    for _ in loader:
        first = first or time.perf_counter() - begin
    return first, time.perf_counter() - begin


def of_two_workers(loader: Loader, ahead: int, persistent: bool) -> tuple[float, float]:
    """`epoch` of the same with two workers, which are that many batches ahead, and stay or start anew every epoch."""
    return epoch(
        DataLoader(
            loader.dataset,
            BATCH,
            sampler=loader.sampler,
            collate_fn=loader.collate_fn,
            num_workers=2,
            prefetch_factor=ahead,
            persistent_workers=persistent,
            worker_init_fn=one_thread,
        )
    )


class Noise(Dataset[dict[str, Any]]):
    """Images that cost nothing to load, the same for all."""

    def __init__(self, count: int, side: int) -> None:
        self.count, self.image = count, torch.randint(0, 256, (4, side, side), dtype=torch.uint8)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"image": self.image, "target": torch.zeros(28, dtype=torch.uint8), "index": row}


class Clock(pl.Callback):
    """Seconds from the third step on."""

    def __init__(self) -> None:
        self.begin = self.seconds = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Look at the clock."""
        if trainer.global_step == 2:
            self.begin = time.perf_counter()
        self.seconds = time.perf_counter() - self.begin


def train(processes: int, side: int, steps: int, out: Path) -> None:
    """Train some steps of a global batch in this process, which may be a rank; one core each."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    clock = Clock()
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        max_steps=steps + 2,
        gradient_clip_val=1.0,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    task = ClassifyTask(build_classifier("resnet18"), CombinedLoss(), torch.optim.Adam, lambda epoch: 1e-4)
    trainer.fit(task, DataLoader(Noise(BATCH * (steps + 2), side), BATCH // processes))
    if trainer.is_global_zero:
        out.write_text(json.dumps(BATCH * steps / clock.seconds))


def run(small: bool) -> Outcome:
    """Images a second of the loader with 0, 1 and 2 workers, and of training in 1 and 2 processes."""
    size, crop, batches = (48, 32, 2) if small else (768, 512, 20)
    outcome = Outcome()
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for compression in ("zstd",) if small else get_args(Compression):
            for row, image in enumerate(fields(size, BATCH)):
                rgby.write(folder / compression / f"i{row}.tif", image, f"i{row}", compression)
            loaders = {
                workers: Repeated(folder / compression, BATCH * batches, size, crop, BATCH, workers).train_dataloader()
                for workers in (0, 1, 2)
            }
            rates = {workers: BATCH * batches / epoch(loader)[1] for workers, loader in loaders.items()}
            outcome.figures[compression] = rates
            outcome.rows.append(
                Row(
                    f"loader workers, i{size} to {crop}, store: {compression}",
                    "said",
                    "; ".join(f"{workers}: {value:.0f} images/s" for workers, value in rates.items()),
                    f"efficiency of 2 workers on {cores} cores: {100 * rates[2] / (2 * rates[1]):.0f} %",
                    "0: in the training process; it also collects what the workers made",
                )
            )
        if not small:
            outcome.rows.append(choices(loaders[0], batches, outcome.figures))
        processes = (1,) if small else (1, 2)
        speeds = {}
        for number in processes:
            out = folder / f"{number}.json"
            if number == 1:
                train(1, 32 if small else 128, 2 if small else 20, out)
            else:
                ranks.launch("benchmarks.scaling:train", number, number, 128, 20, out)
            speeds[number] = json.loads(out.read_text())
    torch.set_num_threads(threads)
    outcome.figures["ddp"] = speeds
    if not small:
        outcome.rows.append(
            Row(
                "DDP on CPUs (gloo), resnet18, 128 x 128, global batch 16, one core a process",
                "said",
                "; ".join(f"{number}: {value:.1f} images/s" for number, value in speeds.items()),
                f"efficiency of 2 processes on {cores} cores: {100 * speeds[2] / (2 * speeds[1]):.0f} %",
                "the gradients of 12 million weights travel through memory at every step",
            )
        )
    return outcome


def choices(loader: Loader, batches: int, figures: dict[str, Any]) -> Row:
    """What being more batches ahead brings, and what workers cost that start anew."""
    ahead = {number: BATCH * batches / of_two_workers(loader, number, True)[1] for number in (1, 2, 4)}
    stay, start = (of_two_workers(loader, 2, persistent)[0] for persistent in (True, False))
    figures["two workers"] = {"batches ahead": ahead, "first batch": {"stay": stay, "start anew": start}}
    return Row(
        "two loader workers: batches ahead, and from epoch to epoch",
        "said",
        "; ".join(f"{number} ahead: {value:.0f} images/s" for number, value in ahead.items()),
        f"first batch of an epoch: {stay:.2f} s where workers stay, {start:.2f} s where they start anew",
        "so they stay, two batches ahead",
    )


if __name__ == "__main__":
    main("scaling", run)
