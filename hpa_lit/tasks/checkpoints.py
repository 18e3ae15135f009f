"""A checkpoint after every epoch, and the best and the last under stable names."""

import math
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from hpa_lit.errors import InputError
from hpa_lit.files.tree import RunTree
from hpa_lit.files.writing import UnwritableError, replacing


class Checkpoints(Checkpoint):
    """Saves ``epoch_045.ckpt`` after epoch 45 and links ``last.ckpt`` and ``best.ckpt`` to it.

    Lightning's own ModelCheckpoint counts epochs from 0 and takes a link away before it makes the next, so that a run
    killed between the two has no last checkpoint; here a name always leads to a whole file.

    They lie in the trainer's `default_root_dir`. A `fast_dev_run` leaves none.

    Args:
        monitor: The metric that decides which epoch is best.
        mode: "min" or "max": whether the metric should be small or large.
        keep_epochs: How many numbered checkpoints to keep, the newest; None keeps all.
    """

    def __init__(self, monitor: str, mode: Literal["min", "max"], keep_epochs: int | None = None) -> None:
        self.monitor, self.mode, self.keep_epochs = monitor, mode, keep_epochs
        self.best_score: float | None = None
        self.best_epoch: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know."""
        return {"best_score": self.best_score, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.best_score, self.best_epoch = state_dict["best_score"], state_dict["best_epoch"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the run's folder, once: made anew later, it would hold what is left of a run."""
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            Path(trainer.default_root_dir).mkdir(parents=True, exist_ok=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save, link, and remove what is no longer kept."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        run, epoch = RunTree(Path(trainer.default_root_dir)), trainer.current_epoch + 1
        if not run.folder.is_dir():
            raise UnwritableError(f"the folder {run.folder} is gone; bring it back to go on, or train anew")
        metrics = trainer.callback_metrics
        if self.monitor not in metrics:
            raise InputError(f"monitor={self.monitor}: there is no such metric; there are {', '.join(sorted(metrics))}")
        score = metrics[self.monitor].item()
        if math.isnan(score):
            raise InputError(f"monitor={self.monitor} is nan in epoch {epoch} and cannot say which epoch is best")
        better = self.best_score is None or (score < self.best_score if self.mode == "min" else score > self.best_score)
        if better:
            self.best_score, self.best_epoch = score, epoch
        path = run.checkpoint(epoch)
        trainer.save_checkpoint(path, weights_only=False)
        if trainer.is_global_zero:
            if better:
                _link(path, run.checkpoint("best"))
            _link(path, run.checkpoint("last"))
            numbered = run.numbered_checkpoints()
            for old in numbered[: -self.keep_epochs] if self.keep_epochs is not None else []:
                old.unlink()
        trainer.strategy.barrier()


def _link(source: Path, target: Path) -> None:
    """Make `target` another name of `source`, or a copy where the file system has no hard links."""
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
