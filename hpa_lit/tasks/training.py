"""What both tasks share: the network, its loss, its optimizer and its learning rate."""

from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities.enums import GradClipAlgorithmType
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hpa_lit.data.dataset import LabelledBatch, draw_of
from hpa_lit.nets import Classifier, Embedder
from hpa_lit.nets.state_files import check_fit
from hpa_lit.tasks.gather import gather_rows


class TrainingTask(pl.LightningModule):
    """A network that trains.

    Args:
        net: From images (N, C, H, W) uint8 to scores (N, K).
        loss: From scores and targets of the global batch to a scalar.
        optimizer: From parameters, and where `rate` is given ``lr``, to an optimizer, such as a partial of
            `torch.optim.Adam`.
        rate: From the epoch, counted from 1, to the learning rate.
        scheduler: Instead of `rate`: from the optimizer to one of PyTorch's schedulers, stepped after every epoch.
        channels_last: Keep images and weights in the memory format that convolutions like best.
        config: Plain containers, saved inside every checkpoint under "config".
    """

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: Callable[..., Optimizer],
        rate: Callable[[int], float] | None = None,
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
        channels_last: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.memory_format)
        self.loss = loss
        self.optimizer, self.rate, self.scheduler = optimizer, rate, scheduler
        self.config = config
        self.validated: list[tuple[Tensor, ...]] = []

    def scores(self, batch: LabelledBatch) -> Tensor:
        """Scores (N, K) of a batch: of its images, or of what a frozen backbone made of them."""
        if "pooled" not in batch:
            scores: Tensor = self(batch["image"])
            return scores
        assert isinstance(self.net, Classifier | Embedder)
        return self.net.from_pooled(batch["pooled"])

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K) of images (N, C, H, W) uint8."""
        scores: Tensor = self.net(self.placed(images))
        return scores

    def placed(self, images: Tensor) -> Tensor:
        """Images, or bags of images, in the memory format that is kept to."""
        if images.ndim == 5:
            return self.placed(images.flatten(0, 1)).view(images.shape)
        return images.to(memory_format=self.memory_format)

    def configure_optimizers(self) -> Any:
        """The optimizer, and the scheduler where it is one of PyTorch's (method 5)."""
        chosen: dict[str, Any] = {} if self.rate is None else {"lr": self.rate(1)}
        # A fused step unscales the gradients of float16 by itself, too late for clipping.
        if self.trainer.precision == "16-mixed" and getattr(self.optimizer, "keywords", {}).get("fused"):
            chosen["fused"] = False
        optimizer = self.optimizer([weight for weight in self.parameters() if weight.requires_grad], **chosen)
        return optimizer if self.scheduler is None else ([optimizer], [self.scheduler(optimizer)])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the config inside."""
        if self.config is not None:
            checkpoint["config"] = self.config

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise `InputError` where the weights are of another network."""
        check_fit(self.state_dict(), checkpoint["state_dict"], "the checkpoint to go on from")

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as Lightning does, and under bf16-mixed too, where it takes a fused optimizer for one that unscales."""
        precision = self.trainer.precision_plugin
        if isinstance(precision, MixedPrecision) and precision.scaler is None:
            algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
            Precision.clip_gradients(precision, optimizer, gradient_clip_val or 0.0, algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_fit_start(self) -> None:
        """Take the seed of all that the network draws from what the process was seeded with."""
        self.seed = torch.initial_seed()

    def on_train_epoch_start(self) -> None:
        """Set the rate of this epoch where it is a function of the epoch, which a resumed run cannot lose; log it."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        if self.rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = self.rate(self.current_epoch + 1)
        self.log("lr", optimizer.param_groups[0]["lr"])
        self.has_stepped = False

    def on_train_batch_start(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Let what the network draws, such as dropout, depend on the step, and not on where the training began."""
        self.has_stepped = True
        number = batch_idx * self.trainer.world_size + self.global_rank
        torch.manual_seed(draw_of(self.seed, self.current_epoch, number))

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step, but not again where a training goes on that was stopped after the epoch's last step."""
        if self.has_stepped:
            super().lr_scheduler_step(scheduler, metric)

    def on_train_epoch_end(self) -> None:
        """Log the epoch as people count it, from 1; Lightning would log it from 0."""
        self.log("epoch", float(self.current_epoch + 1))

    def log_loss(self, loss: Tensor, images: int) -> None:
        """Log a training loss: of the step on the progress bar, of the epoch in the logs."""
        self.log("loss", loss, prog_bar=True, logger=False)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=images)

    def keep(self, batch: LabelledBatch, *columns: Tensor) -> None:
        """Keep what a validation batch gave, (n, ...) each, until the epoch ends."""
        self.validated.append((batch["index"], *columns))

    def validated_rows(self) -> list[Tensor]:
        """The columns kept since the last call, over all ranks: each image of the data set once, in its order."""
        self.log("epoch", float(self.current_epoch + 1))
        columns = [torch.cat(parts) for parts in zip(*self.validated, strict=True)]
        self.validated.clear()
        return gather_rows(self, *columns)
