"""The network over all views of a batch of images."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from hpa_lit.data import dihedral
from hpa_lit.data.whole_images import ImageBatch
from hpa_lit.errors import InputError
from hpa_lit.inference.views import cut
from hpa_lit.nets.answering import Answering


class Answers(NamedTuple):
    """What the network says about N images in V views; NaN where an image could not be read."""

    probabilities: npt.NDArray[np.float32]  # (N, V, K), K = 0 for an embedder
    features: npt.NDArray[np.float32] | None  # (N, V, D)


class Predictor(pl.LightningModule):
    """Sigmoids of the logits, and features when asked for.

    A short batch is filled up to `batch_size`, so that all batches meet the same kernels.

    Args:
        net: From images (N, C, H, W) uint8 to scores, with `features`, and `classifier` where it has labels.
        views: Names as `views.view_names` gives them.
        crop_size: Side of what the network sees; None shows it the whole image.
        batch_size: Images that go through the network at a time; halved when they do not fit into memory.
        features: Keep the vectors before the last layer too.
        channels_last: The memory format that convolutions like best.
    """

    def __init__(
        self,
        net: nn.Module,
        views: tuple[str, ...],
        crop_size: int | None,
        batch_size: int,
        features: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # a rank may have nothing left to do
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = Answering(net).to(memory_format=self.memory_format)
        self.views, self.crop_size, self.keep_features = views, crop_size, features
        self.batch_size = self.at_once = batch_size

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> Answers:
        """All views of a batch."""
        images = batch["image"]
        count, side = len(images), self.crop_size or images.shape[-1]
        empty = images.new_zeros((self.batch_size - count, *images.shape[1:]))
        images, ids = torch.cat([images, empty]), [*batch["id"], *[""] * len(empty)]
        found, crop, patches = [], "", images
        for view in self.views:
            wanted, name = view.split("/")
            if wanted != crop:
                crop, patches = wanted, cut(images, ids, int(wanted.removeprefix("crop")), side)
            found.append(self.answer(dihedral.apply_batch(name, patches)))
        failed = np.array([status != "ok" for status in batch["status"]])
        probabilities, features = (
            torch.stack(parts, 1)[:count].float().cpu().numpy() for parts in zip(*found, strict=True)
        )
        probabilities[failed], features[failed] = np.nan, np.nan
        return Answers(probabilities, features if self.keep_features else None)

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (N, K) and features (N, D) of images (N, 4, h, w) uint8, as many at once as memory holds."""
        while True:
            try:
                parts = [self(chunk) for chunk in torch.split(images, self.at_once)]
            except torch.OutOfMemoryError as error:
                if self.at_once == 1:
                    raise InputError(
                        f"one image of {images.shape[-1]} x {images.shape[-1]} does not fit into the memory of "
                        f"{self.device}: use a larger one, or trainer=cpu"
                    ) from error
                self.at_once = (self.at_once + 1) // 2
                print(f"out of memory on {self.device}: going on with {self.at_once} images at a time", flush=True)
            else:
                probabilities, features = (torch.cat(columns) for columns in zip(*parts, strict=True))
                return probabilities, features

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (N, K) and features (N, D) of images (N, 4, h, w) uint8."""
        *found, features = self.net(images.to(memory_format=self.memory_format))
        return found[0] if found else features.new_empty((len(features), 0)), features
