"""The eight dihedral views of a square image, by the reference's names (SPEC section 8)."""

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

# What each view does to the (rows, columns) of an image: flips first, the transpose last.
_STEPS: dict[str, tuple[tuple[int, ...], bool]] = {
    "default": ((), False),
    "flipud": ((0,), False),
    "fliplr": ((1,), False),
    "transpose": ((), True),
    "flipud_lr": ((0, 1), False),
    "flipud_transpose": ((0,), True),
    "fliplr_transpose": ((1,), True),
    "flipud_lr_transpose": ((0, 1), True),
}
VIEWS: tuple[str, ...] = tuple(_STEPS)
_OPENCV_FLIPS = {(0,): 0, (1,): 1, (0, 1): -1}


def apply(name: str, image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """A view of one image.

    Args:
        name: One of `VIEWS`.
        image: Shape (H, W, C), any dtype.

    Returns:
        A new contiguous array, (H, W, C), or (W, H, C) where the view transposes.
    """
    flips, transpose = _steps(name)
    view = np.flip(image, flips)
    return np.array(view.swapaxes(0, 1) if transpose else view, order="C")


def apply_planes(name: str, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same view of one image, ten times as fast, for a loader.

    Args:
        name: One of `VIEWS`.
        image: Shape (H, W, C), uint8.

    Returns:
        As `apply` gives it, but the planes lie one after another in memory, as tensors want them.
    """
    flips, transpose = _steps(name)
    height, width, channels = image.shape
    planes = np.empty((channels, width, height) if transpose else (channels, height, width), np.uint8)
    for plane, view in zip(cv2.split(image), planes, strict=True):
        if flips:
            plane = cv2.flip(plane, _OPENCV_FLIPS[flips], None if transpose else view)
        if transpose:
            cv2.transpose(plane, view)
        elif not flips:
            view[:] = plane
    return planes.transpose(1, 2, 0)


def apply_batch(name: str, images: Tensor) -> Tensor:
    """The same view of many images.

    Args:
        name: One of `VIEWS`.
        images: Shape (N, C, H, W), any dtype and device.

    Returns:
        A new contiguous tensor on the same device.
    """
    flips, transpose = _steps(name)
    view = images.flip([axis + 2 for axis in flips])
    return (view.transpose(2, 3) if transpose else view).contiguous()


def _steps(name: str) -> tuple[tuple[int, ...], bool]:
    if name not in _STEPS:
        raise ValueError(f"there is no view {name!r}; the views are {', '.join(VIEWS)}")
    return _STEPS[name]
