"""A training whose loss is no number ends."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpa_lit.errors import InputError

LOOKED_AT = 50  # steps between looks: reading a number waits for the GPU, and the steps until then are lost anyway


class FiniteLoss(pl.Callback):
    """Ends a training when a loss is NaN or infinite, before anything is saved from then on.

    Only the loss counts: under 16-mixed some gradients overflow as a rule, and such steps are left out.

    Raises:
        InputError: Names the epoch and the step, and what helps.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []  # of the last steps, where they were computed

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the loss, and look at those that are kept from time to time."""
        if isinstance(outputs, Mapping) and "loss" in outputs:
            self.losses.append(outputs["loss"].detach())
        if len(self.losses) == LOOKED_AT or trainer.is_last_batch:
            self.look(trainer)

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
        """Look, so that nothing is saved after a loss that is no number."""
        self.look(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the loss of the validation set."""
        loss = trainer.callback_metrics.get("valid/loss")
        if loss is not None and not loss.isfinite():
            where = "before the first step" if trainer.sanity_checking else f"after epoch {trainer.current_epoch + 1}"
            raise InputError(f"the validation loss {where} is {loss.item()}: {remedies(trainer)}")

    def look(self, trainer: pl.Trainer) -> None:
        """Look at the losses kept so far."""
        if not self.losses:
            return
        finite = torch.stack(self.losses).isfinite()
        if not finite.all():
            first = int((~finite).nonzero()[0])
            step = trainer.fit_loop.batch_idx + 2 - len(self.losses) + first
            raise InputError(
                f"the training loss of epoch {trainer.current_epoch + 1}, step {step}, is {self.losses[first].item()}: "
                f"{remedies(trainer)}"
            )
        self.losses.clear()


def remedies(trainer: pl.Trainer) -> str:
    """What may keep a loss finite, as this training is set."""
    ways = ["a lower rate (optimizer.lr, scheduler.rate, scheduler.rates)", "another loss"]
    if not str(trainer.precision).startswith(("32", "64")):
        ways.append("trainer.precision=32-true")
    if not trainer.gradient_clip_val:
        ways.append("trainer.gradient_clip_val=1.0")
    return (
        f"numbers grew beyond all bounds, or data.mean and data.std do not fit the images; with tag=NAME try "
        f"{', '.join(ways)}. What was saved before is as it was"
    )
