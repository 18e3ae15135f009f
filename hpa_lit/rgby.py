"""Four-channel pictures on disk: which files belong to an image, reading them, writing them.

An image is a field of cells in four planes, always in the order red (microtubules), green (the protein), blue
(nucleus), yellow (endoplasmic reticulum). On disk it is one 4-channel TIFF ``<Id>.tif``, or four single planes
``<Id>_<color>.<suffix>``: the last ``_`` token of a file name names the plane and the Id is everything before it.
"""

import gzip
import hashlib
import io
import math
import re
import uuid
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from hpa_lit import stack_tiff
from hpa_lit.errors import InputError
from hpa_lit.tree import replacing

COLORS = ("red", "green", "blue", "yellow")
PROTEIN = "green"  # nothing can stand in for it
STACK = "rgby"  # key of a file that holds all four planes
# A plane that is stored as a coloured RGB picture, as the HPA's JPEGs are, lies in this channel of it.
RGB_CHANNELS = (0, 1, 2, 0)
SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff", ".tif.gz", ".png", ".jpg", ".jpeg")
TIFF_SUFFIXES = tuple(suffix for suffix in SUFFIXES if ".tif" in suffix)

Pixels = npt.NDArray[np.uint8]
Bits = Literal["auto", 8, 12, 16]
Channels = Literal["rgby", "rgb"]  # the planes that a network sees
Missing = Literal["error", "zero"]  # what a plane that an image lacks becomes
ImageFiles = dict[str, Path]  # by color, or the one file under STACK


def list_images(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> dict[str, ImageFiles]:
    """Find the images in a folder.

    Args:
        folder: Folder to look into, not below it. Hidden files and files that are no pictures do not count.
        suffixes: File types to take. Where a plane exists in several, the type that comes first here is taken.

    Returns:
        The files of each image by Id, Ids sorted. An image may lack planes; see `missing_planes`.
    """
    if not folder.is_dir():
        raise InputError(f"there is no image folder {folder}")
    order = {suffix: rank for rank, suffix in enumerate(suffixes)}
    found: dict[str, dict[str, tuple[int, Path]]] = {}
    for path in folder.iterdir():
        suffix = max((s for s in order if path.name.lower().endswith(s)), key=len, default="")
        if not suffix or path.name.startswith("."):
            continue
        stem = path.name[: -len(suffix)]
        image_id, _, last = stem.rpartition("_")
        if image_id and last.lower() in COLORS:
            key = last.lower()
        elif suffix in TIFF_SUFFIXES:
            image_id, key = stem, STACK
        else:
            continue
        candidate = (order[suffix], path)
        files = found.setdefault(image_id, {})
        files[key] = min(files.get(key, candidate), candidate)
    return {i: {key: path for key, (_, path) in sorted(found[i].items())} for i in sorted(found)}


def colors(channels: Channels) -> tuple[str, ...]:
    """The planes of ``"rgby"`` or ``"rgb"``, in their order."""
    if channels not in get_args(Channels):
        raise InputError(f"data.channels={channels}: choose {' or '.join(get_args(Channels))}")
    return COLORS[: len(channels)]


def missing_planes(files: ImageFiles, channels: Channels = "rgby") -> list[str]:
    """Colors that an image has no file for; whether a file under STACK holds them all, `stack_planes` knows."""
    return [] if STACK in files else [color for color in colors(channels) if color not in files]


def read(
    files: ImageFiles,
    bits: Bits = "auto",
    rgb_channels: Sequence[int] = RGB_CHANNELS,
    channels: Channels = "rgby",
    missing: Missing = "error",
) -> Pixels:
    """Read an image: what `read_channels` gives, as one contiguous array (H, W, C)."""
    planes = read_channels(files, bits, rgb_channels, channels, missing)
    return np.ascontiguousarray(cv2.merge(planes))


def read_channels(
    files: ImageFiles,
    bits: Bits = "auto",
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

    Of a stack of more planes than wanted the first are taken; a stack of three is red, green and blue.

    Args:
        files: Its files, as `list_images` gives them.
        rgb_channels: For planes stored as RGB pictures, the channel that holds the plane, for each color.
        channels: The planes wanted; others are not looked at.
        missing: Whether a wanted plane that is not there is an error, or left out. The protein's is an error always.

    Raises:
        InputError: A plane is missing or unreadable, or the planes differ in size; the message names the files.
    """
    wanted = colors(channels)
    if STACK in files:
        stack = _read_stack(files[STACK], len(wanted) if missing == "error" else 3)
        planes = dict(zip(wanted, stack, strict=False))
    else:
        absent = missing_planes(files, channels)
        if PROTEIN in absent or (absent and missing == "error"):
            raise InputError(
                f"{_name(files)}: no {' and no '.join(absent)} plane beside {', '.join(map(str, files.values()))}"
            )
        stored = dict(zip(COLORS, rgb_channels, strict=True))
        planes = {color: read_plane(files[color], stored[color]) for color in wanted if color not in absent}
    if len({plane.shape for plane in planes.values()}) > 1:
        sizes = ", ".join(f"{files[c].name} {p.shape[0]} x {p.shape[1]}" for c, p in planes.items())
        raise InputError(f"{_name(files)}: its planes differ in size: {sizes}")
    return planes


def read_plane(path: Path, rgb_channel: int) -> npt.NDArray[np.generic]:
    """Read one plane as it is stored, shape (H, W); of an RGB picture, its channel `rgb_channel`."""
    pixels = _read_tiff(path) if path.name.lower().endswith(TIFF_SUFFIXES) else _read_picture(path)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = pixels[:, :, rgb_channel]
    if pixels.ndim != 2:
        raise InputError(f"{path} is no single plane: its shape is {pixels.shape}")
    return pixels


def bit_depth(planes: Sequence[npt.NDArray[np.generic]], bits: Bits, path: Path) -> int:
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


def to_uint8(planes: Sequence[npt.NDArray[np.generic]], bits: Bits, path: Path) -> list[Pixels]:
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


def stack_planes(path: Path) -> int:
    """How many planes a TIFF holds, from its header."""
    try:
        with tifffile.TiffFile(_source(path)) as tiff:
            page = tiff.pages.first
            return math.prod(tiff.series[0].shape) // (page.imagelength * page.imagewidth)
    except (OSError, EOFError, zlib.error, tifffile.TiffFileError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def size(path: Path, stack: int = 0) -> tuple[int, int]:
    """Height and width of a picture, from its header, and a look whether its end is there.

    Args:
        path: A picture.
        stack: Planes that it must hold at least, of at most four; 0 where it is one plane.

    Raises:
        InputError: The file is absent, no picture, cut short, or of pixels or planes that `read` refuses.
    """
    name = path.name.lower()
    try:
        if name.endswith(".gz"):
            pixels = _read_tiff(path)
            height, width = pixels.shape[:2] if pixels.shape[-1] in (3, 4) else pixels.shape[-2:]
            return height, width
        if name.endswith(TIFF_SUFFIXES):
            with tifffile.TiffFile(path) as tiff:
                page = tiff.pages.first
                end = max(
                    (o + n for p in tiff.pages for o, n in zip(p.dataoffsets, p.databytecounts, strict=True)), default=0
                )
                if end > path.stat().st_size:
                    raise InputError(f"{path} is cut short")
                height, width = page.imagelength, page.imagewidth
                shape = tiff.series[0].shape
                if page.dtype not in (np.uint8, np.uint16):
                    raise InputError(f"{path}: pixels are {page.dtype}; save them as 8-bit or unsigned 16-bit")
                if stack and not stack <= math.prod(shape) / (height * width) <= len(COLORS):
                    raise InputError(f"{path} has shape {shape}: expected {_expected(stack)}")
                return height, width
        with Image.open(path) as picture:
            width, height = picture.size
            end_mark = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}.get(picture.format or "", b"")
        with path.open("rb") as file:
            file.seek(-min(64, path.stat().st_size), io.SEEK_END)
            if end_mark not in file.read():
                raise InputError(f"{path} is cut short")
        return height, width
    except (OSError, UnidentifiedImageError, tifffile.TiffFileError, SyntaxError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def write(path: Path, image: Pixels, image_id: str, compression: stack_tiff.Compression = "deflate") -> None:
    """Write an image as one 4-channel OME-TIFF, the same bytes for the same arguments.

    Args:
        path: Where to; written beside it and renamed.
        image: Array of shape (H, W, 4).
        image_id: The image's name. Together with the pixels it determines the OME UUID, see `content_uuid`.
        compression: deflate, the smallest; zstd, decoded several times as fast; none. Lossless all.
    """
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    digest = hashlib.sha256(planes.data).hexdigest()
    metadata = {
        "axes": "CYX",
        "Name": image_id,
        "Channel": {"Name": list(COLORS)},
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{image_id} {digest}")),
    }
    with replacing(path) as temporary:
        stack_tiff.write(temporary, planes, compression, metadata)


def content_uuid(path: Path) -> str:
    """The UUID of a file that `write` made: another one as soon as its Id or a pixel differs."""
    try:
        with tifffile.TiffFile(path) as tiff:
            found = re.search(r'UUID="urn:uuid:([0-9a-f-]{36})"', tiff.ome_metadata or "")
    except (OSError, tifffile.TiffFileError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not found:
        raise InputError(f"{path} was not written by hpa_lit: it has no OME UUID")
    return found[1]


def _source(path: Path) -> Path | io.BytesIO:
    return io.BytesIO(gzip.decompress(path.read_bytes())) if path.name.lower().endswith(".gz") else path


def _read_tiff(path: Path) -> npt.NDArray[np.generic]:
    try:
        source = _source(path)
        planes = stack_tiff.read(source) if isinstance(source, Path) else None
        pixels: npt.NDArray[np.generic] = np.squeeze(tifffile.imread(source)) if planes is None else planes
        return pixels
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # decoders of damaged TIFFs raise whatever their libraries raise
        raise InputError(f"{path} cannot be read: {error}") from error


def _read_stack(path: Path, least: int) -> list[npt.NDArray[np.generic]]:
    pixels = _read_tiff(path)
    if pixels.ndim == 3 and pixels.shape[0] not in (3, 4) and pixels.shape[2] in (3, 4):
        pixels = pixels.transpose(2, 0, 1)
    if pixels.ndim != 3 or not least <= pixels.shape[0] <= len(COLORS):
        raise InputError(f"{path} has shape {pixels.shape}: expected {_expected(least)}")
    return list(pixels)


def _expected(least: int) -> str:
    if least == len(COLORS):
        return "four channels, or three for a model of data.channels=rgb, or a name that ends in _<color>"
    return "three or four channels, or a name that ends in _<color>"


def _read_picture(path: Path) -> npt.NDArray[np.generic]:
    try:
        with Image.open(path) as picture:
            picture.verify()  # the checksums of a PNG, which decoding leaves out: zeros in its middle may decode
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _name(files: ImageFiles) -> str:
    color, path = next(iter(files.items()))
    return path.name[: path.name.lower().rfind(f"_{color}")]
