"""The training loader on one core, from every kind of store."""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its newest version

import albumentations as A
import cv2
import imagecodecs
import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.measure import Outcome, Row, main, seconds
from benchmarks.pictures import Repeated, fields, origin, save_pngs
from hpa_lit.data.dataset import draw_of
from hpa_lit.data.loading import one_thread
from hpa_lit.files import rgby
from hpa_lit.files.stack_tiff import Compression

SIZES = ((768, 512), (1536, 1024))
ASKED = {"packbits": 8, "deflate": 8, "zstd": 8, "none": 15}
BATCH = 8


class FourPngs(Dataset[Tensor]):
    """method 6 as it is said, from the competition's files: four PNGs, a random crop, a view, floating point."""

    def __init__(self, folder: Path, ids: list[str], size: int, crop: int) -> None:
        self.folder, self.ids = folder, ids
        self.steps = A.Compose([A.RandomSizedCrop((crop, size), size=(crop, crop), p=1), A.D4(p=1)])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> Tensor:
        planes = [
            cv2.imread(str(self.folder / f"{self.ids[row]}_{color}.png"), cv2.IMREAD_GRAYSCALE) for color in rgby.COLORS
        ]
        self.steps.set_random_seed(draw_of(0, 0, row))
        image = self.steps(image=np.stack(planes, axis=-1))["image"]
        return torch.from_numpy((image / 255).transpose(2, 0, 1)).float()


def decoder(image: rgby.Pixels, compression: Compression) -> Callable[[], list[rgby.Pixels]]:
    """The fastest way known from an image's bytes in memory to its planes."""
    planes = cv2.split(image)
    if compression == "none":
        stack, copy = np.stack(planes), np.empty((len(planes), *planes[0].shape), np.uint8)
        return lambda: np.copyto(copy, stack) or list(copy)
    if compression == "packbits":
        stored = [imagecodecs.packbits_encode(plane) for plane in planes]
        decode = imagecodecs.packbits_decode
    elif compression == "zstd":
        stored = [pa.Codec("zstd", -1).compress(plane, asbytes=True) for plane in planes]
        decode = imagecodecs.zstd_decode
    else:
        stored = [imagecodecs.deflate_encode(plane, 1) for plane in planes]
        decode = imagecodecs.deflate_decode
    pixels = np.empty((len(planes), *planes[0].shape), np.uint8)

    def work() -> list[rgby.Pixels]:
        for plane, content in zip(pixels, stored, strict=True):
            decode(content, out=plane.reshape(-1))
        return list(pixels)

    return work


def decode_crop_resize(decoders: list[Callable[[], list[rgby.Pixels]]], size: int, crop: int) -> None:
    """What no loader of this store can do without, for images whose crops have sides evenly spread."""
    for decode, side in zip(decoders, np.linspace(crop, size, len(decoders)).astype(int), strict=True):
        part = slice((size - side) // 2, (size + side) // 2)
        for plane in decode():
            cv2.resize(plane[part, part], (crop, crop), interpolation=cv2.INTER_LINEAR)


def passes(loader: DataLoader[object]) -> None:
    for _ in loader:
        pass


def measure(folder: Path, size: int, crop: int, count: int, repeats: int) -> tuple[list[Row], dict[str, float]]:
    """Images a second of every store at one size, once every way gave the same pixels."""
    images = {f"i{row:02}": image for row, image in enumerate(fields(size, count))}
    ids = list(images)
    for image_id, image in images.items():
        save_pngs(folder / "png", image, image_id)
    plain = DataLoader(FourPngs(folder / "png", ids, size, crop), BATCH)
    wanted = (torch.cat(list(plain)) * 255).round().to(torch.uint8)
    ways: dict[str, Callable[[], object]] = {"plain": partial(passes, plain)}
    for compression in get_args(Compression):
        for image_id, image in images.items():
            rgby.write(folder / compression / f"{image_id}.tif", image, image_id, compression)
        loader = Repeated(folder / compression, count, size, crop, BATCH).train_dataloader()
        for batch in loader:
            assert torch.equal(batch["image"], wanted[batch["index"]])
        ways[compression] = partial(passes, loader)
        decoders = [decoder(image, compression) for image in images.values()]
        ways[f"{compression} floor"] = partial(decode_crop_resize, decoders, size, crop)
    times = {name: value / count for name, value in seconds(ways, repeats).items()}
    rows = []
    for compression, asked in ASKED.items():
        time, floor = times[compression], times[f"{compression} floor"]
        rows.append(
            Row(
                f"training loader, i{size} to {crop}, store: {compression}",
                f"{asked} x four PNGs with float division; within 1.5 x of decode + crop + resize",
                f"{times['plain'] / time:.1f} x: {1 / time:,.0f} images/s a core (PNGs: {1 / times['plain']:.0f})",
                f"{time / floor:.2f} x decode + crop + resize alone ({1000 * floor:.2f} ms)",
                origin(),
            )
        )
    return rows, {f"{size} {name}": value for name, value in times.items()}


def run(small: bool) -> Outcome:
    """Images a second and core of the training loader, against four PNGs with floating point division."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one_thread(0)
    outcome = Outcome()
    for size, crop in ((96, 64),) if small else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows, figures = measure(Path(folder), size, crop, BATCH if small else 4 * BATCH, 1 if small else 9)
        outcome.rows += rows
        outcome.figures |= figures
    torch.set_num_threads(threads)
    return outcome


if __name__ == "__main__":
    main("loader", run)
