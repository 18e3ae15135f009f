"""What a training says of itself: a line an epoch, and a bar on a terminal."""

import time
from typing import Any, Literal, Never

import numpy as np
import pytorch_lightning as pl
from tqdm import tqdm

from hpa_lit.progress import bar, duration

# Metrics of a line, by what people call them; what is monitored comes under its own name.
NAMES = {"train/loss": "loss", "valid/macro_f1": "macro F1"}


class EpochLines(pl.Callback):
    """Says in one line what came of each epoch, counted from 1, and shows on a terminal how far it is.

    The line holds the training loss, the monitored metric, macro F1, the learning rate, the time that the epoch took,
    how much is left if no callback ends the training early, and whether the epoch is the best so far.

    Args:
        monitor: The metric that decides which epoch is best.
        mode: "min" or "max": whether the metric should be small or large.
        bar: Whether to show a bar where standard error is a terminal.
    """

    def __init__(self, monitor: str, mode: Literal["min", "max"], bar: bool = True) -> None:
        self.monitor, self.mode, self.has_bar = monitor, mode, bar
        self.best: float | None = None
        self.seconds: list[float] = []
        self.bars: dict[str, tqdm[Never]] = {}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.best = state_dict["best"]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a bar."""
        self.begun = time.monotonic()
        self.open("train", epoch(trainer), trainer.num_training_batches, trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Move it."""
        self.bars["train"].update()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a bar, but for the trial before the training."""
        if not trainer.sanity_checking:
            self.open("valid", f"{epoch(trainer)} validation", sum(trainer.num_val_batches), trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Move it."""
        if not trainer.sanity_checking:
            self.bars["valid"].update()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End it."""
        self.close("valid")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the bar and say the line."""
        self.close("train")
        self.seconds.append(time.monotonic() - self.begun)
        score = trainer.callback_metrics.get(self.monitor)
        better = score is not None and self.is_better(score.item())
        if score is not None and better:
            self.best = score.item()
        if trainer.is_global_zero:
            print(self.line(trainer, better), flush=True)

    def is_better(self, score: float) -> bool:
        """Whether an epoch with this score is the best so far."""
        return self.best is None or (score < self.best if self.mode == "min" else score > self.best)

    def line(self, trainer: pl.Trainer, better: bool) -> str:
        """What came of the epoch."""
        metrics = trainer.callback_metrics
        shown = dict.fromkeys(("train/loss", self.monitor, "valid/macro_f1"))
        parts = [epoch(trainer), *(f"{NAMES.get(name, name)} {metrics[name]:.4f}" for name in shown if name in metrics)]
        if "lr" in metrics:
            rate = np.format_float_scientific(metrics["lr"].item(), 2, trim="-", exp_digits=1).replace(".e", "e")
            parts.append(f"rate {rate}")
        parts.append(duration(self.seconds[-1]))
        if left := (trainer.max_epochs or 0) - trainer.current_epoch - 1:
            parts.append(f"left {duration(left * sum(self.seconds) / len(self.seconds))}")
        return "  ".join([*parts, "best"] if better else parts)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """End the bars, so that what is said next has a line of its own."""
        self.close("valid")
        self.close("train")

    def open(self, name: str, what: str, total: float, trainer: pl.Trainer) -> None:
        """Begin a bar on the first rank's terminal; a bar that is not shown takes its updates too."""
        self.bars[name] = bar(what, total, "batch", silent=not (self.has_bar and trainer.is_global_zero))

    def close(self, name: str) -> None:
        """End a bar where there is one."""
        if name in self.bars:
            self.bars.pop(name).close()


def epoch(trainer: pl.Trainer) -> str:
    """The epoch as people count it, as wide as the last one."""
    last = str(trainer.max_epochs)
    return f"epoch {trainer.current_epoch + 1:{len(last)}}/{last}"
