"""The images to predict: each read and decoded once, whatever the number of views."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from hpa_lit.data.dataset import batch_memory
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.prediction_file import OK


class ImageBatch(TypedDict):
    """What a loader gives: N whole images and their Ids."""

    id: list[str]
    status: list[str]  # "ok", or why the image could not be read
    stamp: list[str]  # of the files as they were read, see `rgby.stamp`
    image: Tensor  # (N, C, S, S) uint8, zeros where it could not


class WholeImages(Dataset[ImageBatch]):
    """Images brought to one size.

    Args:
        ids: N Ids.
        files: The files of each, none where there is no image.
        image_size: Side S that every image is brought to.
        bits: Depth of planes stored in 16 bits.
        channels: The planes that the network sees.
        missing: Whether planes that are not there are an error, or zeros.
    """

    def __init__(
        self,
        ids: Sequence[str],
        files: Sequence[rgby.ImageFiles],
        image_size: int,
        bits: rgby.BitDepth = "auto",
        channels: rgby.Channels = "rgby",
        missing: rgby.Missing = "error",
    ) -> None:
        self.ids, self.files, self.image_size, self.bits = ids, files, image_size, bits
        self.channels, self.missing = channels, missing

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, rows: Sequence[int]) -> ImageBatch:
        """A batch, each image written to its place in it; there is nothing left to collate."""
        images = batch_memory((len(rows), len(self.channels), self.image_size, self.image_size))
        read = [self._read(row, image) for row, image in zip(rows, images.numpy(), strict=True)]
        status, stamps = [said for said, _ in read], [stamp for _, stamp in read]
        return {"id": [self.ids[row] for row in rows], "status": status, "stamp": stamps, "image": images}

    def _read(self, row: int, place: rgby.Pixels) -> tuple[str, str]:
        """Write an image to its place, or zeros where it cannot be read; says which, and what files these were."""
        files = self.files[row]
        stamp = rgby.stamp(files)
        try:
            if not files:
                raise InputError("there is no image of this Id")
            planes = rgby.read_channels(files, self.bits, channels=self.channels, missing=self.missing)
            np.stack([rgby.resize(plane, self.image_size) for plane in planes], out=place)
            if rgby.stamp(files) != stamp:
                raise InputError("its files were changed while they were read")
        except InputError as error:
            place[:] = 0
            return str(error), stamp
        return OK, stamp
