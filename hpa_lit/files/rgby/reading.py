"""Pixels of the planes of an image, in 8 bits."""

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files.limits import check_pixels
from hpa_lit.files.reading import reading
from hpa_lit.files.rgby.finding import (
    COLORS,
    PROTEIN,
    RGB_CHANNELS,
    STACK,
    TIFF_SUFFIXES,
    BitDepth,
    Channels,
    ImageFiles,
    Missing,
    Pixels,
    colors,
    missing_planes,
)
from hpa_lit.files.rgby.headers import FORMATS, field_pixels
from hpa_lit.files.rgby.layout import Layout, Slices, layout_of
from hpa_lit.files.rgby.opening import open_plane, open_stack
from hpa_lit.files.rgby.tiff import read_own


def read(
    files: ImageFiles,
    bits: BitDepth = "auto",
    rgb_channels: Sequence[int] = RGB_CHANNELS,
    channels: Channels = "rgby",
    missing: Missing = "error",
) -> Pixels:
    """Read an image: what `read_channels` gives, as one contiguous array (H, W, C)."""
    planes = read_channels(files, bits, rgb_channels, channels, missing)
    return np.ascontiguousarray(cv2.merge(planes))


def read_channels(
    files: ImageFiles,
    bits: BitDepth = "auto",
    rgb_channels: Sequence[int] = RGB_CHANNELS,
    channels: Channels = "rgby",
    missing: Missing = "error",
) -> list[Pixels]:
    """Read the channels of an image in 8 bits.

    Args:
        files: Its files, as `list_images` gives them.
        bits: Bit depth of planes that are stored in 16 bits, see `bit_depth`.
        rgb_channels: As in `read_planes`.
        channels: The planes wanted; others are not looked at.
        missing: Whether a wanted plane that is not there is an error, or zeros. The protein's is an error always.

    Returns:
        C arrays of shape (H, W), C the planes wanted, 0..255, not to be written to.

    Raises:
        InputError: A plane is missing or unreadable, or the planes differ in size; the message names the files.
    """
    planes = read_planes(files, rgb_channels, channels, missing)
    path = files[STACK if STACK in files else PROTEIN]
    ready = dict(zip(planes, to_uint8(list(planes.values()), bits, path), strict=True))
    for color in colors(channels):
        if color not in ready:
            ready[color] = np.zeros_like(ready[PROTEIN])
    return [ready[color] for color in colors(channels)]


def read_planes(
    files: ImageFiles,
    rgb_channels: Sequence[int] = RGB_CHANNELS,
    channels: Channels = "rgby",
    missing: Missing = "error",
) -> dict[str, npt.NDArray[np.generic]]:
    """Read the planes of an image as they are stored, each of shape (H, W), not to be written to, by color.

    Which channel of a stack is which plane, its layout or its names say; a stack of four without names has them in
    the order of the colors, and one of three is red, green and blue.

    Args:
        files: Its files, as `list_images` gives them.
        rgb_channels: For planes stored as RGB pictures, the channel that holds the plane, for each color.
        channels: The planes wanted; others are not looked at.
        missing: Whether a wanted plane that is not there is an error, or left out. The protein's is an error always.

    Raises:
        InputError: A plane is missing or unreadable, or the planes differ in size; the message names the files.
    """
    wanted, layout = colors(channels), layout_of(files)
    needed = wanted if missing == "error" else (PROTEIN,)
    if STACK in files:
        planes = _read_stack(files[STACK], wanted, needed, layout)
    else:
        absent = missing_planes(files, channels)
        if set(needed) & set(absent):
            raise InputError(
                f"{_name(files)}: no {' and no '.join(absent)} plane beside {', '.join(map(str, files.values()))}"
            )
        stored = dict(zip(COLORS, rgb_channels, strict=True))
        planes = {color: read_plane(files[color], stored[color], layout.z) for color in wanted if color not in absent}
    if len({plane.shape for plane in planes.values()}) > 1:
        sizes = ", ".join(f"{files[c].name} {p.shape[0]} x {p.shape[1]}" for c, p in planes.items())
        raise InputError(f"{_name(files)}: its planes differ in size: {sizes}")
    if layout.field is None:
        return planes
    side = field_pixels(files)
    return {color: framed(plane, side) for color, plane in planes.items()}


def read_plane(path: Path, rgb_channel: int, z: Slices = None) -> npt.NDArray[np.generic]:
    """Read one plane as it is stored, shape (H, W); of an RGB picture, its channel `rgb_channel`; of slices, as `z`."""
    if path.name.lower().endswith(TIFF_SUFFIXES):
        with open_plane(path) as stack:
            stack.check(z)
            return stack.plane(rgb_channel, z)
    pixels = _read_picture(path)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = pixels[:, :, rgb_channel]
    if pixels.ndim != 2:
        raise InputError(f"{path} is no single plane: its shape is {pixels.shape}")
    return pixels


def framed(plane: npt.NDArray[np.generic], side: int) -> npt.NDArray[np.generic]:
    """The middle of a plane (H, W) as a square of this side, black where the plane ends before."""
    height, width = plane.shape
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    middle = plane[top : top + side, left : left + side]
    if middle.shape == (side, side):
        return middle
    square = np.zeros((side, side), plane.dtype)
    down, right = ((side - length) // 2 for length in middle.shape)
    square[down : down + middle.shape[0], right : right + middle.shape[1]] = middle
    return square


def bit_depth(planes: Sequence[npt.NDArray[np.generic]], bits: BitDepth, path: Path) -> int:
    """How many bits the pixels of an image have: 8, 12 or 16.

    With ``bits="auto"`` uint16 planes have 12 where no pixel of the image exceeds 4095, as cameras of 12 bits write it,
    and 16 elsewhere: one depth for all planes, so that their ratios stay.

    Args:
        planes: The planes, all uint8 or all uint16.
        bits: Depth of uint16 planes.
        path: Named in errors.
    """
    kinds = {plane.dtype for plane in planes}
    if kinds == {np.dtype(np.uint8)}:
        return 8
    if kinds != {np.dtype(np.uint16)}:
        names = " and ".join(sorted(str(kind) for kind in kinds))
        raise InputError(f"{path}: pixels are {names}; save all planes as 8-bit or all as unsigned 16-bit")
    largest = max(int(plane.max(initial=0)) for plane in planes)
    depth = (12 if largest <= 4095 else 16) if bits == "auto" else bits
    if largest >= 2**depth:
        raise InputError(f"{path}: a pixel of {largest} does not fit in {depth} bits; choose bits=16 or bits=auto")
    return depth


def to_uint8(planes: Sequence[npt.NDArray[np.generic]], bits: BitDepth, path: Path) -> list[Pixels]:
    """Bring the planes of one image to 8 bits.

    8-bit planes stay as they are. 16-bit planes are scaled so that the largest value of their `bit_depth` becomes 255,
    rounded to the nearest. Arguments and errors are those of `bit_depth`.
    """
    top = 2 ** bit_depth(planes, bits, path) - 1
    if planes[0].dtype == np.uint8:
        return [plane.astype(np.uint8, copy=False) for plane in planes]
    return [((plane.astype(np.uint32) * 510 + top) // (2 * top)).astype(np.uint8) for plane in planes]


def resize(image: Pixels, side: int) -> Pixels:
    """Bilinear resize of (H, W) or (H, W, C) to a square; the same array where it has that size."""
    if image.shape[:2] == (side, side):
        return image
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _read_stack(
    path: Path, wanted: Sequence[str], needed: Collection[str], layout: Layout
) -> dict[str, npt.NDArray[np.generic]]:
    if not layout.planes:
        own = read_own(path)
        if own is not None and len(own) in (3, len(COLORS)) and len(own) >= len(needed):
            return dict(zip(wanted, own, strict=False))
    with open_stack(path, layout.scene) as stack:
        stack.check(layout.z)
        places = stack.places(dict(layout.planes), needed)
        return {color: stack.plane(places[color], layout.z) for color in wanted if color in places}


def _read_picture(path: Path) -> npt.NDArray[np.generic]:
    with reading(path):
        with Image.open(path, formats=FORMATS) as picture:
            check_pixels(path, picture.height, picture.width)
            picture.verify()  # the checksums of a PNG, which decoding leaves out: zeros in its middle may decode
        with Image.open(path, formats=FORMATS) as picture:
            return np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture)


def _name(files: ImageFiles) -> str:
    color, path = next(iter(files.items()))
    return path.name[: path.name.lower().rfind(f"_{color}")]
