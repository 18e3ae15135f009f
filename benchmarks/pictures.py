"""The pictures that benchmarks work on."""

import os
from pathlib import Path

import cv2
import numpy as np

from hpa_lit.data import ImageDataModule
from hpa_lit.data.dataset import Examples
from hpa_lit.data.dihedral import VIEWS, apply
from hpa_lit.data.module import Files, Sides
from hpa_lit.files import rgby
from hpa_lit.synthetic.field import draw_field

SHARED = "HPA_LIT_SHARED"


def fields(side: int, count: int) -> list[rgby.Pixels]:
    """Fields of cells (side, side, 4): those of the Human Protein Atlas that `SHARED` leads to, turned and mirrored.

    Without them, drawn ones. Their PNGs take as many bytes a pixel as those of the competition: 0.4 to 0.5.
    """
    if SHARED in os.environ:
        sources = [rgby.resize(rgby.read(files), side) for files in _real().values()]
    else:
        sources = [draw_field([label], side, np.random.default_rng(label)) for label in (0, 16)]
    turned = [apply(VIEWS[(row // len(sources)) % len(VIEWS)], sources[row % len(sources)]) for row in range(count)]
    return [image.astype(np.uint8) for image in turned]


def origin() -> str:
    """Where `fields` come from, for the notes."""
    return f"{len(_real())} fields of the Human Protein Atlas" if SHARED in os.environ else "2 drawn fields"


class Repeated(ImageDataModule):
    """The images of a folder, one after the other, again and again up to a count; none has a label."""

    def __init__(
        self, folder: Path, count: int, image_size: int, crop_size: int | None, batch_size: int, workers: int | None = 0
    ) -> None:
        super().__init__(image_size, crop_size, batch_size, workers=workers)
        self.folder, self.count = folder, count

    def read(self) -> Sides:
        """The same to train and to validate on."""
        files = self.files()
        examples = Examples(list(files), list(files.values()), np.ones((self.count, 28), np.uint8))
        return Sides(examples, examples)

    def files(self, dataset: str | None = None) -> Files:
        """The same to predict."""
        found = list(rgby.list_images(self.folder).values())
        return {f"i{row:06}": found[row % len(found)] for row in range(self.count)}


def save_pngs(folder: Path, image: rgby.Pixels, image_id: str) -> None:
    """Save an image as the competition's four grey PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for color, plane in zip(rgby.COLORS, cv2.split(image), strict=True):
        cv2.imwrite(str(folder / f"{image_id}_{color}.png"), plane)


def _real() -> dict[str, rgby.ImageFiles]:
    return rgby.list_images(Path(os.environ[SHARED]) / "data" / "fields")
