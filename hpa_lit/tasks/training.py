"""What both tasks share: the network, its optimizer, and a learning rate that is a function of the epoch."""

from collections.abc import Callable

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities.enums import GradClipAlgorithmType
from torch import Tensor, nn

from hpa_lit.data.dataset import LabelledBatch
from hpa_lit.tasks.gather import gather_rows


class TrainingTask(pl.LightningModule):
    """A network trained with Adam.

    Args:
        net: From images (N, 4, H, W) uint8 to scores (N, K).
        loss: From scores and targets of the global batch to a scalar.
        learning_rate: From the epoch, counted from 1, to the rate.
        channels_last: Keep images and weights in the memory format that convolutions like best.
    """

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        learning_rate: Callable[[int], float],
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.memory_format)
        self.loss = loss
        self.learning_rate = learning_rate
        self.validated: list[tuple[Tensor, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K) of images (N, 4, H, W) uint8."""
        scores: Tensor = self.net(images.to(memory_format=self.memory_format))
        return scores

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam without weight decay (SPEC section 5)."""
        # Fused, a step is one kernel on a GPU, and takes a third to a seventh of the time on a CPU. It unscales the
        # gradients of float16 by itself, too late for clipping.
        fused = self.trainer.precision != "16-mixed"
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate(1), fused=fused)

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

    def on_train_epoch_start(self) -> None:
        """Set the rate of this epoch; there is no scheduler whose state a resumed run could lose."""
        rate = self.learning_rate(self.current_epoch + 1)
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        for group in optimizer.param_groups:
            group["lr"] = rate
        self.log("lr", rate)

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
