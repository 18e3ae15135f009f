"""Where a signal may interrupt a training, and how it goes on from there."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch

from hpa_lit.data.loading import EpochLoader
from hpa_lit.files.tree import RunTree

# What asks a process to end, and what cluster managers announce that with.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
Handler = Callable[[int, FrameType | None], Any]


class Interruption(pl.Callback):
    """Leaves signals to whoever answered them before the training, at once or after the step and with all of it saved.

    Lightning's own answer to SIGTERM speaks to the other ranks in the middle of what they say to one another, and ends
    the process as if all had gone well.

    Goes on in the middle of an epoch where a training was stopped there: the batches that it has seen are passed over.
    All that is random depends on the epoch, the step and the image, so that the rest is that of an uninterrupted one.

    Args:
        save: Hold signals back until a step is done and save ``last.ckpt`` before they are answered. Ranks stop after
            the same step. Saves before every validation too, in which signals are not held back.

    Attributes:
        seen: Batches of this epoch that the weights have seen.
    """

    def __init__(self, save: bool) -> None:
        self.save = save
        self.seen = 0
        self.steps_before = 0
        self.holding = False
        self.held: set[int] = set()
        self.handlers: dict[int, Handler] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remember who answers SIGTERM, before Lightning takes that over."""
        self.sigterm = signal.getsignal(signal.SIGTERM)

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give SIGTERM back to them."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.sigterm)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Likewise; hold signals back from now on where that is asked for; pass over what was seen."""
        self.on_sanity_check_start(trainer, pl_module)
        if self.save:
            for number in SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self.handlers[number] = handler
                    signal.signal(number, self.hold)
        if isinstance(trainer.train_dataloader, EpochLoader):
            trainer.train_dataloader.seen = self.seen

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hold signals back until the last step."""
        self.holding = True
        self.steps_before = trainer.fit_loop.state_dict()["epoch_loop.state_dict"]["_batches_that_stepped"]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where a signal came or the epoch's last step is done, then answer."""
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0 or trainer.is_last_batch
        if not (self.save and stepped):
            return
        held = torch.tensor([number in self.held for number in SIGNALS], dtype=torch.int32, device=pl_module.device)
        asked = trainer.strategy.reduce(held, reduce_op="max").tolist()
        answered = {int(number) for number, is_asked in zip(SIGNALS, asked, strict=True) if is_asked}
        answered &= self.handlers.keys()
        if batch is not None:
            self.seen = batch_idx + 1
            if answered or trainer.is_last_batch:
                trainer.save_checkpoint(RunTree(Path(trainer.default_root_dir)).checkpoint("last"), weights_only=False)
        self.holding = not trainer.is_last_batch
        if not self.holding:
            answered |= self.held  # those that came while it was saved
        self.held -= answered
        for number in answered:
            self.handlers[number](number, None)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The epoch is done, which is then saved as such."""
        self.seen = 0

    def hold(self, number: int, frame: FrameType | None) -> None:
        """Answer a signal later where a step is being made."""
        if self.holding:
            self.held.add(number)
        else:
            self.handlers[number](number, frame)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know."""
        return {"seen": self.seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.seen = state_dict["seen"]

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say of an epoch in progress that it has not begun: Lightning begins it anew, with what is left of it."""
        if self.seen:
            loops = checkpoint["loops"]["fit_loop"]
            for count in loops["epoch_progress"].values():
                count["ready"] = count["started"] = count["processed"]
            loops["epoch_loop.state_dict"]["_batches_that_stepped"] = self.steps_before
