"""Test-time views: crops of the whole image, made where the network runs (method 8)."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.nn import functional as F

from hpa_lit.data.dihedral import VIEWS
from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir


def view_names(crops: int, dihedral: Sequence[str]) -> tuple[str, ...]:
    """Names such as "crop0/default", crop by crop.

    Args:
        crops: How many crops, the whole image counted as the first.
        dihedral: What to do with each crop, some of `data.dihedral.VIEWS`.

    Raises:
        InputError: There is no crop, or a name is unknown or repeated.
    """
    if unknown := [name for name in dihedral if name not in VIEWS]:
        raise InputError(f"there is no view {', '.join(unknown)}; views.dihedral can hold {', '.join(VIEWS)}")
    if crops < 1 or not dihedral or len(set(dihedral)) < len(dihedral):
        raise InputError(f"views.crops={crops}, views.dihedral={list(dihedral)}: at least one of each, none twice")
    return tuple(f"crop{crop}/{name}" for crop in range(crops) for name in dihedral)


def named_views(name: str) -> tuple[str, ...]:
    """The views of ``conf/views/``: none, dihedral, crops or full.

    Raises:
        InputError: There are no views of this name.
    """
    found = {path.stem: path for path in Path(conf_dir(), "views").glob("*.yaml")}
    if name not in found:
        raise InputError(f"views={name}: choose {', '.join(sorted(found))}")
    settings = yaml.safe_load(found[name].read_text())
    return view_names(settings["crops"], settings["dihedral"])


def crop_box(image_id: str, crop: int, image_size: int, crop_size: int) -> tuple[int, int, int]:
    """Where a crop lies: (top, left, side), a function of these arguments alone.

    Crop 0 is the whole image. The side of any other is uniform from crop size to image size, its place is uniform.
    """
    if crop == 0:
        return 0, 0, image_size
    digest = hashlib.sha256(f"{image_id} {crop}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest))
    side = int(rng.integers(crop_size, image_size, endpoint=True))
    top, left = rng.integers(0, image_size - side, 2, endpoint=True).tolist()
    return top, left, side


def cut(images: Tensor, ids: Sequence[str], crop: int, crop_size: int) -> Tensor:
    """The same crop number of several images.

    Pixels are rounded to whole levels, as OpenCV gives them in training and validation; where an image is resized, a
    tenth of them differ from OpenCV's by one level, since that computes with 11 bits.

    Args:
        images: Shape (N, 4, S, S), uint8.
        ids: N Ids.
        crop: Its number.
        crop_size: Side of the result.

    Returns:
        Shape (N, 4, crop_size, crop_size), uint8, on the device of the images.
    """
    size, result = images.shape[-1], images.new_empty((*images.shape[:2], crop_size, crop_size))
    for row, image_id in enumerate(ids):
        top, left, side = crop_box(image_id, crop, size, crop_size)
        patch = images[row : row + 1, :, top : top + side, left : left + side]
        if side != crop_size:
            shape = (crop_size, crop_size)
            patch = F.interpolate(patch.float(), shape, mode="bilinear", align_corners=False).round().to(torch.uint8)
        result[row] = patch[0]
    return result
