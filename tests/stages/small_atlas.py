"""A small atlas in the layout of the raw downloads, drawn from smooth noise in a second."""

import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.rgby import COLORS

TRAIN = [f"t{i:02}" for i in range(24)]
TEST = [f"s{i:02}" for i in range(8)]
EXTERNAL = [f"{1000 + i // 5}_{7 + i % 5}_A1_{i}" for i in range(20)]
# Images of one field: train and external with equal and with different Targets, test and test.
EQUAL, DIFFERENT, TWINS = ("t03", EXTERNAL[2]), ("t05", EXTERNAL[11]), ("s01", "s06")


class Site(NamedTuple):
    """A server of the external images and the folder that it serves."""

    address: str
    folder: Path


@cache
def field(name: str) -> np.ndarray:
    """A picture (512, 512, 4) that belongs to a name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    coarse = rng.integers(0, 256, (24, 24, 4), dtype=np.uint8)
    return cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_LINEAR)


def target(name: str) -> str:
    number = int(name[-2:].strip("_"))
    return f"{number % 4 + 20} {number % 3}"


def save_planes(folder: Path, name: str, picture: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for channel, color in enumerate(COLORS):
        Image.fromarray(picture[:, :, channel]).save(folder / f"{name}_{color}.png", compress_level=1)


def save_jpegs(folder: Path, name: str, picture: np.ndarray, size: int = 600) -> None:
    """Four JPEGs in the colors of the HPA: red, green and blue in their channels, yellow in red and green."""
    folder.mkdir(parents=True, exist_ok=True)
    for channel, (color, channels) in enumerate(zip(COLORS, ([0], [1], [2], [0, 1]), strict=True)):
        rgb = np.zeros((size, size, 3), np.uint8)
        rgb[:, :, channels] = cv2.resize(picture[:, :, channel], (size, size))[:, :, None]
        Image.fromarray(rgb).save(folder / f"{name}_{color}.jpg", quality=95)


def draw_raw(tree: DataTree) -> None:
    """Write every raw table and picture."""
    same = {EQUAL[1]: EQUAL[0], DIFFERENT[1]: DIFFERENT[0], TWINS[1]: TWINS[0]}
    for image_set, names in (("train", TRAIN), ("test", TEST)):
        for name in names:
            save_planes(tree.raw_images(image_set), name, field(same.get(name, name)))
    for name in EXTERNAL:
        save_jpegs(tree.raw_images("external"), name, field(same.get(name, name)))
    targets = {name: target(name) for name in TRAIN + EXTERNAL}
    targets[EQUAL[1]] = " ".join(reversed(targets[EQUAL[0]].split()))
    targets[DIFFERENT[1]] = "27"
    for path, names in ((tree.train_csv, TRAIN), (tree.external_csv, EXTERNAL)):
        pd.DataFrame({"Id": names, "Target": [targets[name] for name in names]}).to_csv(path, index=False)
    pd.DataFrame({"Id": TEST, "Predicted": 0}).to_csv(tree.sample_submission, index=False)
    corrected = [EXTERNAL[0].replace("_", "/", 1), EXTERNAL[4]]
    pd.DataFrame({"Id": corrected, "Target": ["5", ""]}).to_csv(tree.corrections_csv, index=False)
    pd.DataFrame({"Extra": [f"ENSG1_{EXTERNAL[7]}"], "Test": ["s02"]}).to_csv(tree.leak_csv, index=False)
