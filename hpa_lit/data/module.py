"""The data module of both tasks: loaders that share a global batch among the ranks."""

import os
from typing import Literal

import cv2
import pytorch_lightning as pl
from torch.utils.data import DataLoader, default_convert

from hpa_lit.data.dataset import EpochSampler, Examples, ImageDataset, LabelledBatch, Transform
from hpa_lit.files.rgby import BitDepth, Channels


class ImageData(pl.LightningDataModule):
    """Training and validation images.

    Training batches are shuffled and the last short one is dropped. Validation goes through every image; where the
    ranks' shares would differ, some images come twice, and the task drops them by their row number.

    Args:
        train: Images to train on.
        valid: Images to validate on.
        train_transform: From pixels to what the network trains on.
        valid_transform: From pixels to what the network is validated on.
        batch_size: Images in a batch over all ranks, a multiple of their number.
        workers: Loading processes a rank; None takes the cores that this process may use.
        bits: Bit depth of planes stored in 16 bits.
        seed: Of the order and the augmentation.
        channels: The planes that the network sees.
    """

    def __init__(
        self,
        train: Examples,
        valid: Examples,
        train_transform: Transform,
        valid_transform: Transform,
        batch_size: int,
        workers: int | None = None,
        bits: BitDepth = "auto",
        seed: int = 0,
        channels: Channels = "rgby",
    ) -> None:
        super().__init__()
        self.train_set = ImageDataset(train, train_transform, bits, seed, channels)
        self.valid_set = ImageDataset(valid, valid_transform, bits, seed, channels)
        self.batch_size, self.seed = batch_size, seed
        self.workers = len(os.sched_getaffinity(0)) if workers is None else workers

    def train_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the shuffled training batches."""
        return self._loader(self.train_set, "train")

    def val_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the validation images, in order."""
        return self._loader(self.valid_set, "valid")

    def _loader(self, dataset: ImageDataset, side: Literal["train", "valid"]) -> DataLoader[LabelledBatch]:
        ranks, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        train = side == "train"
        return DataLoader(
            dataset,
            batch_size=self.batch_size // ranks,
            sampler=EpochSampler(dataset, ranks, rank, shuffle=train, seed=self.seed, drop_last=train),
            drop_last=train,
            collate_fn=default_convert,  # they come as batches
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            worker_init_fn=one_thread,
        )


def one_thread(worker: int) -> None:
    """Keep OpenCV from starting a thread a core in every worker."""
    cv2.setNumThreads(0)
