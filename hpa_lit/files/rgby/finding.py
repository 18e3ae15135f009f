"""Which files belong to an image."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError
from hpa_lit.files.names import printable

COLORS = ("red", "green", "blue", "yellow")
PROTEIN = "green"  # nothing can stand in for it
STACK = "rgby"  # key of a file that holds all four planes
# A plane that is stored as a coloured RGB picture, as the HPA's JPEGs are, lies in this channel of it.
RGB_CHANNELS = (0, 1, 2, 0)
SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff", ".tif.gz", ".png", ".jpg", ".jpeg")
TIFF_SUFFIXES = tuple(suffix for suffix in SUFFIXES if ".tif" in suffix)

Pixels = npt.NDArray[np.uint8]
BitDepth = Literal["auto", 8, 12, 16]
Channels = Literal["rgby", "rgb"]  # the planes that a network sees
Missing = Literal["error", "zero"]  # what a plane that an image lacks becomes
ImageFiles = dict[str, Path]  # by color, or the one file under STACK


def list_images(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> dict[str, ImageFiles]:
    """Find the images in a folder.

    Args:
        folder: Folder to look into, not below it. Hidden files and files that are no pictures do not count.
        suffixes: File types to take. Where a plane exists in several, the type that comes first here is taken.

    Returns:
        The files of each image by Id, Ids sorted. An image may lack planes; see `missing_planes`. In an Id that cannot
        be printed stands what `names.printable` gives; such files cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"there is no image folder {folder}")
    return group_files(folder.iterdir(), suffixes)


def group_files(paths: Iterable[Path], suffixes: Sequence[str] = SUFFIXES) -> dict[str, ImageFiles]:
    """The files of each image by Id, Ids sorted, by what the names of files say; see `list_images`."""
    order = {suffix: rank for rank, suffix in enumerate(suffixes)}
    found: dict[str, dict[str, tuple[int, Path]]] = {}
    for path in paths:
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
    # A name that cannot be printed is no reason to leave an image out: reading it will say why it cannot be used.
    return {printable(i): {key: path for key, (_, path) in sorted(found[i].items())} for i in sorted(found)}


def colors(channels: Channels) -> tuple[str, ...]:
    """The planes of ``"rgby"`` or ``"rgb"``, in their order."""
    if channels not in get_args(Channels):
        raise InputError(f"data.channels={channels}: choose {' or '.join(get_args(Channels))}")
    return COLORS[: len(channels)]


def missing_planes(files: ImageFiles, channels: Channels = "rgby") -> list[str]:
    """Colors that an image has no file for; whether a file under STACK holds them all, `header` knows."""
    return [] if STACK in files else [color for color in colors(channels) if color not in files]
