"""What becomes of planes that images lack."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import get_args

from hpa_lit.errors import InputError
from hpa_lit.files import rgby


def check_planes(files: Mapping[str, rgby.ImageFiles], channels: rgby.Channels, missing: rgby.Missing) -> None:
    """Refuse before the work what would leave every row empty.

    Args:
        files: The files of each image by Id.
        channels: The planes that the network sees.
        missing: Whether planes that are not there are an error, or zeros.

    Raises:
        InputError: No image has the planes it needs, or can be read; names the ways out.
    """
    if missing not in get_args(rgby.Missing):
        raise InputError(f"missing={missing}: choose {' or '.join(get_args(rgby.Missing))}")
    needed = set(rgby.COLORS if missing == "error" else [rgby.PROTEIN])
    counts, why = Counter[str](), ""
    for image_id, there in files.items():
        try:
            lacking = _lacking(there, channels)
        except InputError as error:
            why = why or f"{image_id}: {error}"
            continue
        if not needed & set(lacking):
            return  # the first whole image ends this look; those that are not get a row that says so
        counts.update(lacking)
    if not counts:
        if why:
            raise InputError(f"none of {len(files)} images can be read, such as {why}")
        return
    if rgby.PROTEIN in counts:
        remedy = f"the {rgby.PROTEIN} plane is the protein's, and nothing can stand in for it"
    else:
        remedy = "missing=zero fills in zeros, which the network never saw in training"
        if "yellow" in counts:
            remedy += "; a model trained with data.channels=rgb needs no yellow plane"
    raise InputError(f"{_said(counts, len(files))}: {remedy}")


def filled_planes(files: Mapping[str, rgby.ImageFiles], channels: rgby.Channels) -> list[str]:
    """What to say when missing planes are filled with zeros: a line, or none."""
    counts = Counter[str]()
    for there in files.values():
        with suppress(InputError):  # its row will say it
            if rgby.PROTEIN not in (lacking := _lacking(there, channels)):
                counts.update(lacking)
    if not counts:
        return []
    hint = "; a model trained with data.channels=rgb would not need the yellow" if "yellow" in counts else ""
    return [f"{_said(counts, len(files))}: filled with zeros, which the network never saw in training{hint}"]


def _lacking(files: rgby.ImageFiles, channels: rgby.Channels) -> list[str]:
    """Colors that an image lacks.

    Raises:
        InputError: It cannot be read.
    """
    if not files:
        raise InputError("there is no image of this Id")
    there = rgby.header(files).colors
    return [color for color in rgby.colors(channels) if color not in there]


def _said(counts: Counter[str], images: int) -> str:
    return ", ".join(
        f"{counts[color]} of {images} images have no {color} plane" for color in rgby.COLORS if counts[color]
    )
