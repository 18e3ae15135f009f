"""What every function here asks of the arrays it is given."""

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError

Doubles = npt.NDArray[np.float64]
LabelMatrix = npt.NDArray[np.uint8]


def finite(name: str, array: npt.ArrayLike, ndim: int, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[np.floating]:
    """The array in floating point, once it is sure to have `ndim` dimensions and neither NaN nor infinity."""
    values = np.asarray(array, dtype)
    if values.ndim != ndim:
        raise InputError(f"{name} have shape {values.shape}; expected {ndim} dimensions")
    if not np.isfinite(values).all():
        first = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
        raise InputError(f"{name} have a NaN or infinity, the first at {first}")
    return values


def probabilities(name: str, array: npt.ArrayLike, ndim: int = 2) -> Doubles:
    """The array in float64, once it is sure to have `ndim` dimensions and values of 0..1."""
    values = np.asarray(finite(name, array, ndim), np.float64)
    if values.size and (values.min() < 0 or values.max() > 1):
        raise InputError(f"{name} range from {values.min()} to {values.max()}; expected 0..1 (are these logits?)")
    return values


def targets(name: str, array: npt.ArrayLike, shape: tuple[int, ...]) -> LabelMatrix:
    """The array in uint8, once it is sure to have this shape and to hold 0 and 1 only."""
    values = np.asarray(array)
    if values.shape != shape:
        raise InputError(f"{name} have shape {values.shape}; expected {shape}")
    if not np.isin(values, (0, 1)).all():
        raise InputError(f"{name} hold values other than 0 and 1")
    return values.astype(np.uint8)
