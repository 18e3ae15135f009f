"""The dataset: one image with its target and its row number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from hpa_lit import rgby


class Batch(TypedDict):
    """What a loader gives: N images, their targets and their rows in the table."""

    image: Tensor  # (N, C, H, W) uint8
    target: Tensor  # (N, K) uint8, or (N,) int64 class codes
    index: Tensor  # (N,) int64


class Transform(Protocol):
    """From an image's C planes (H, W) and a seed to what the network sees, (C, h, w), all uint8."""

    def __call__(self, planes: Sequence[rgby.Pixels], seed: int) -> rgby.Pixels:
        """Transform one image."""


@dataclass(frozen=True)
class Examples:
    """Images and their targets, row by row.

    Args:
        ids: N Ids.
        files: The files of each.
        targets: Shape (N, K) uint8 of 0 and 1, or (N,) int64 class codes.
    """

    ids: Sequence[str]
    files: Sequence[rgby.ImageFiles]
    targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.files) == len(self.targets):
            raise ValueError(f"{len(self.ids)} Ids, {len(self.files)} images and {len(self.targets)} targets")


class ImageDataset(Dataset[dict[str, Tensor]]):
    """Reads and transforms `examples`.

    An item is asked for by (epoch, row): what is random in it depends on these and on `seed`, not on the worker
    that happens to load it.
    """

    def __init__(
        self,
        examples: Examples,
        transform: Transform,
        bits: rgby.Bits = "auto",
        seed: int = 0,
        channels: rgby.Channels = "rgby",
    ) -> None:
        self.examples, self.transform, self.bits, self.seed, self.channels = examples, transform, bits, seed, channels

    def __len__(self) -> int:
        return len(self.examples.ids)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        epoch, row = key
        draw = draw_of(self.seed, epoch, row)
        planes = rgby.read_channels(self.examples.files[row], self.bits, channels=self.channels)
        return {
            "image": torch.from_numpy(self.transform(planes, draw)),
            "target": torch.as_tensor(self.examples.targets[row]),
            "index": torch.tensor(row),
        }


def draw_of(seed: int, epoch: int, row: int) -> int:
    """The seed of an image's transform in an epoch."""
    return int(np.random.SeedSequence([seed, epoch, row]).generate_state(1)[0])


class EpochSampler(DistributedSampler[tuple[int, int]]):
    """A `DistributedSampler` that says the epoch with every row, for `ImageDataset`.

    Also used in a single process, so that batch k holds the same images however many ranks share it.
    """

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for row in super().__iter__():
            yield self.epoch, row  # type: ignore[misc]
