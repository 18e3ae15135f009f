"""A look at every image before the first step: are its planes there, whole and of one size."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.progress import progress


def locate(
    ids: Sequence[str], images: Mapping[str, rgby.ImageFiles], where: str, channels: rgby.Channels = "rgby"
) -> list[rgby.ImageFiles]:
    """The files of each Id.

    Args:
        ids: The Ids wanted.
        images: What there is, as `rgby.list_images` gives it.
        where: The folder, named in errors.
        channels: The planes that are needed.

    Raises:
        InputError: Names every Id that has no image or lacks a plane.
    """
    problems, lacking = [], set()
    for image_id in ids:
        if image_id not in images:
            problems.append(f"{image_id}: no image")
        elif missing := rgby.missing_planes(images[image_id], channels):
            problems.append(f"{image_id}: no {' and no '.join(missing)} plane")
            lacking |= set(missing)
    if problems:
        remedy = "add the files or remove the rows"
        if not images.keys() & set(ids):
            remedy = f"the Ids there are such as {', '.join(list(images)[:3])}: write these into the table"
        if lacking == {"yellow"}:
            remedy += ", or train without the yellow plane by data.channels=rgb"
        raise InputError(
            f"{len(problems)} of {len(ids)} images are not complete in {where}; {remedy}:\n{listing(problems)}"
        )
    return [images[image_id] for image_id in ids]


def read_headers(
    ids: Sequence[str], files: Sequence[rgby.ImageFiles], channels: rgby.Channels = "rgby"
) -> list[rgby.Header]:
    """The header of each image, by the headers of all planes that are needed.

    Raises:
        InputError: Names every image with a plane that is unreadable or cut short, or with planes of different sizes.
    """
    headers = []
    problems = []
    # Threads suffice: this waits for the disk.
    with ThreadPoolExecutor(16) as pool:
        looks = pool.map(partial(_look, wanted=rgby.colors(channels)), files)
        for image_id, look in zip(ids, progress(looks, "check", len(files)), strict=True):
            if isinstance(look, str):
                problems.append(f"{image_id}: {look}")
            else:
                headers.append(look)
    if problems:
        raise InputError(
            f"{len(problems)} of {len(ids)} images cannot be used; replace the files or remove the rows:\n"
            f"{listing(problems)}"
        )
    return headers


def _look(files: rgby.ImageFiles, wanted: Sequence[str]) -> rgby.Header | str:
    try:
        return rgby.header(files, wanted)
    except InputError as error:
        return str(error)
