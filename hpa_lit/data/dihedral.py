"""The eight dihedral views of a square image, by the reference's names (method 8)."""

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


def apply_plane(
    name: str, plane: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8] | None = None
) -> npt.NDArray[np.uint8]:
    """A view of one plane, several times as fast as `apply`.

    Args:
        name: One of `VIEWS`.
        plane: Shape (H, W).
        out: Where to, contiguous and not `plane` itself. Left alone where it has not the shape of the view.

    Returns:
        `out`, or a new contiguous array, of shape (H, W), or (W, H) where the view transposes.
    """
    flips, transpose = _steps(name)
    if flips and transpose:
        plane = np.asarray(cv2.flip(plane, _OPENCV_FLIPS[flips]), np.uint8)
    if transpose:
        view = cv2.transpose(plane, out)
    elif flips:
        view = cv2.flip(plane, _OPENCV_FLIPS[flips], out)
    else:
        view = cv2.copyTo(plane, None, out)  # type: ignore[call-overload]  # None, no mask, is not in its stubs
    return np.asarray(view, np.uint8)


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
