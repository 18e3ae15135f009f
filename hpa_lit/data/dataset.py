"""The dataset: batches of images with their targets and row numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from hpa_lit.errors import InputError
from hpa_lit.files import rgby


class LabelledBatch(TypedDict):
    """What a loader gives: N images, their targets and their rows in the table."""

    image: NotRequired[Tensor]  # (N, C, H, W) uint8
    pooled: NotRequired[Tensor]  # (N, 2 D), what a frozen backbone made of the images, in their place
    target: NotRequired[Tensor]  # (N, K) uint8, or (N,) int64 class codes; absent where nobody knows
    index: Tensor  # (N,) int64


class Transform(Protocol):
    """From an image's C planes (H, W) and a seed to the square that the network sees, (C, side, side), all uint8."""

    @property
    def side(self) -> int:
        """Side of the result."""

    def __call__(self, planes: Sequence[rgby.Pixels], seed: int, out: rgby.Pixels | None = None) -> rgby.Pixels:
        """Transform one image, into `out` where that is given."""


@dataclass(frozen=True)
class Examples:
    """Images and their targets, row by row.

    Args:
        ids: N Ids.
        files: The files of each.
        targets: Shape (N, K) uint8 of 0 and 1, or (N,) int64 class codes; None where nobody knows.
    """

    ids: Sequence[str]
    files: Sequence[rgby.ImageFiles]
    targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64] | None

    def __post_init__(self) -> None:
        targets = len(self.ids) if self.targets is None else len(self.targets)
        if not len(self.ids) == len(self.files) == targets:
            raise ValueError(f"{len(self.ids)} Ids, {len(self.files)} images and {targets} targets")


class ImageDataset(Dataset[LabelledBatch]):
    """Reads and transforms `examples`, a batch at a time.

    An image is asked for by (epoch, row): what is random in it depends on these and on `seed`, not on the worker
    that happens to load it. A row alone, as samplers of others ask, means the first epoch. Row r + N is row r
    with another draw, and so is r + 2 N, for an image that comes several times in an epoch.

    Args:
        examples: N images.
        transform: From the planes of an image to what a network sees.
        bits: Bit depth of planes stored in 16 bits.
        seed: Of what is random in the transform.
        channels: The planes.
        pooled: Shape (N, 2 D), what a frozen backbone made of the images: it is given, and no image is read.
    """

    def __init__(
        self,
        examples: Examples,
        transform: Transform,
        bits: rgby.BitDepth = "auto",
        seed: int = 0,
        channels: rgby.Channels = "rgby",
        pooled: Tensor | None = None,
    ) -> None:
        self.examples, self.transform, self.bits, self.seed, self.channels = examples, transform, bits, seed, channels
        self.pooled = pooled

    def __len__(self) -> int:
        return len(self.examples.ids)

    def __getitems__(self, asked: Sequence[tuple[int, int] | int]) -> LabelledBatch:
        """A batch, each image written to its place in it; there is nothing left to collate."""
        keys = [key if isinstance(key, tuple) else (0, key) for key in asked]
        rows = [row % len(self) for _, row in keys]
        batch: LabelledBatch = {"index": torch.tensor(rows)}
        if self.examples.targets is not None:
            batch["target"] = torch.from_numpy(self.examples.targets[rows])
        if self.pooled is not None:
            batch["pooled"] = self.pooled[rows]
        else:
            batch["image"] = self._images(keys)
        return batch

    def _images(self, keys: Sequence[tuple[int, int]]) -> Tensor:
        images = batch_memory((len(keys), len(self.channels), self.transform.side, self.transform.side))
        for (epoch, row), image in zip(keys, images.numpy(), strict=True):
            of, files = self.examples.ids[row % len(self)], self.examples.files[row % len(self)]
            self.transform(self._planes(of, files), draw_of(self.seed, epoch, row), image)
        return images

    def _planes(self, image_id: str, files: rgby.ImageFiles) -> Sequence[rgby.Pixels]:
        try:
            return rgby.read_channels(files, self.bits, channels=self.channels)
        except InputError as error:
            raise InputError(f"{image_id}: {error}; replace the file, or remove the image from the table") from error


def batch_memory(shape: tuple[int, ...]) -> Tensor:
    """Uninitialised uint8 memory that a batch can be handed on in without a copy.

    Raises:
        InputError: There is not so much memory to share between processes.
    """
    if get_worker_info() is None:
        return torch.from_numpy(np.empty(shape, np.uint8))  # of NumPy, which asks the system for huge pages
    size = math.prod(shape)
    try:
        # As torch's own collation does in a worker: what lies in shared memory is not copied on its way out.
        storage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise InputError(
            f"a batch of {shape[0]} images, {size / 1e6:.0f} MB, does not fit into the memory that processes share "
            f"(/dev/shm): give the machine more, in a container by --shm-size=8g, or load without workers by "
            f"data.workers=0 in training and workers=0 elsewhere ({error})"
        ) from error
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)


def draw_of(seed: int, epoch: int, row: int, *purpose: int) -> int:
    """The seed of an image's transform in an epoch; or, with numbers above 0 that no other has, of another draw."""
    return int(np.random.SeedSequence([seed, epoch, row, *purpose]).generate_state(1)[0])
