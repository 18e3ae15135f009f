"""Which images a folder of anybody's holds, and what was made of the names of its files."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files.names import printable
from hpa_lit.files.rgby import words
from hpa_lit.files.rgby.finding import COLORS, STACK, SUFFIXES, TIFF_SUFFIXES, ImageFiles, list_images
from hpa_lit.files.rgby.headers import FORMATS
from hpa_lit.files.rgby.layout import PLAIN, LaidOut, Layout
from hpa_lit.files.rgby.microscope import MAKERS, scenes
from hpa_lit.files.rgby.naming import HPA, Naming, naming_of, naming_that_fits
from hpa_lit.files.rgby.opening import ZARR
from hpa_lit.files.rgby.tiff import tiff_stack

SHOWN = 3  # names of files that are said one by one


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Args:
        images: The files of each image by Id, Ids sorted.
        said: How files were taken that are not named as this package does, a line each.
    """

    images: Mapping[str, ImageFiles]
    said: list[str]


def search(folder: Path, naming: str | None = None, layout: Layout = PLAIN) -> Found:
    """Find the images in a folder, whoever named them.

    Args:
        folder: Where to look; below it only where the naming says so.
        naming: See `naming_of`; hpa: as `list_images`; None finds out.
        layout: How planes lie in the files; its `planes` also say which word in a name is which plane.

    Raises:
        InputError: There is no image, or it is not clear which file is which plane.
    """
    if not folder.is_dir():
        raise InputError(f"there is no image folder {folder}")
    if folder.suffix.lower() == ZARR:
        raise InputError(f"{folder} is itself an image: give the folder that it lies in")
    given = layout
    chosen = _detected(folder) if naming is None else None if naming == HPA else naming_of(naming)
    if chosen is not None:
        found = _named(folder, chosen, dict(layout.planes))
        layout = replace(layout, planes=()) if "channel" in chosen.pattern.groupindex else layout
    else:
        images = list_images(folder)
        found = Found(images, _left_out(folder, images))
        if layout.planes and images and not any(STACK in files for files in images.values()):
            found.said.append("planes is not looked at: the names of all files say their planes themselves")
    images = {i: LaidOut(files, layout) if layout != PLAIN else files for i, files in found.images.items()}
    for path, scene in _containers(folder) if naming in (None, HPA) else ():
        kept = replace(given, scene=scene) if scene else given
        name = path.name.removesuffix(path.suffix).removesuffix(".ome") + (f"_{scene}" if scene else "")
        image_id = printable(name.replace("/", "-"))  # of folders in the file
        if image_id in images:
            raise InputError(f"{path} and {next(iter(images[image_id].values()))} would both be {image_id}: rename one")
        images[image_id] = LaidOut({STACK: path}, kept)
    if not images:
        raise InputError(_nothing(folder))
    return Found(dict(sorted(images.items())), found.said)


def _containers(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The Zarrs and the files of microscopes in a folder, a scene of these at a time where they have several."""
    for name in _names(folder, 0):
        if not name.lower().endswith((ZARR, *MAKERS)):
            continue
        path = folder / name
        if path.suffix.lower() == ZARR:
            yield path, None
        else:
            there = scenes(path)
            yield from ((path, scene if len(there) > 1 else None) for scene in there)


def _detected(folder: Path) -> Naming | None:
    """The naming of others that all pictures of a folder have, if they are no stacks or planes of our own naming."""
    names = [name for name in _names(folder, 0) if name.lower().endswith(SUFFIXES)]
    naming = naming_that_fits([name.removesuffix(_suffix(name)) for name in names])
    if naming is None:
        return None
    try:
        with tiff_stack(folder / names[0]) as stack:
            return naming if stack.channels == 1 else None
    except InputError:  # a PNG, say, which has but one plane
        return naming


def _named(folder: Path, naming: Naming, planes: Mapping[str, str | int]) -> Found:
    """The images whose files are named so, and what was taken for what."""
    pictures = list(_pictures(folder, naming.depth))
    read = {path: found for stem, path in pictures if (found := naming.read(stem)) and (found[1] or _is_tiff(path))}
    if not read:
        there = _some([path.name for _, path in pictures]) or "no pictures"
        raise InputError(f"naming={naming.name} fits no file of {folder}, which holds {there}")
    channels = sorted({channel for _, channel in read.values()})
    said = f"{len(read)} files are taken by naming={naming.name}, such as {next(iter(read)).name}"
    if channels == [""]:
        places = {STACK: 0}
    else:
        where = f"{folder}, by naming={naming.name},"
        places = words.assigned(channels, planes, where)
        if not places:
            raise words.unclear(channels, where)
        taken = words.said(places, channels)
        said += f": {taken}" if taken else ""
        if rest := [channel for place, channel in enumerate(channels) if place not in places.values()]:
            said += f"; {', '.join(rest)} left out"
    images: dict[str, ImageFiles] = {}
    for color, place in sorted(places.items()):
        for path, (image_id, channel) in read.items():
            if channel != channels[place]:
                continue
            files = images.setdefault(printable(image_id), {})
            if color in files and files[color].parent != path.parent:
                raise InputError(f"{files[color]} and {path} would both be the {color} plane of {image_id}: rename one")
            files[color] = min(files.get(color, path), path, key=_rank)
    others = [path.name for _, path in pictures if path not in read]
    return Found(dict(sorted(images.items())), [said, *_unfit(others)])


def _pictures(folder: Path, depth: int) -> Iterator[tuple[str, Path]]:
    """The path in a folder, without its suffix, of each picture that lies so many folders deeper, and the picture."""
    for name in _names(folder, depth):
        if suffix := _suffix(name):
            yield name[: -len(suffix)], folder / name


def _names(folder: Path, depth: int) -> list[str]:
    """The paths in a folder of what lies so many folders deeper, in order, but for hidden files."""
    if not depth:  # of many thousands, quickly
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    found = sorted(folder.glob("*/" * depth + "*"))
    return [path.relative_to(folder).as_posix() for path in found if not path.name.startswith(".")]


def _suffix(name: str) -> str:
    """The suffix of a picture's name; empty of any other."""
    lower = name.lower()
    return max((s for s in SUFFIXES if lower.endswith(s)), key=len) if lower.endswith(SUFFIXES) else ""


def _is_tiff(path: Path) -> bool:
    return path.name.lower().endswith(TIFF_SUFFIXES)


def _rank(path: Path) -> int:
    """The place of a picture's type in `SUFFIXES`."""
    return next(rank for rank, suffix in enumerate(SUFFIXES) if path.name.lower().endswith(suffix))


def _left_out(folder: Path, images: Mapping[str, ImageFiles]) -> list[str]:
    """What to say of pictures that are no image's."""
    taken = {path.name for files in images.values() for path in files.values()}
    others = {name for name in _names(folder, 0) if name.lower().endswith(SUFFIXES)} - taken
    # Of planes in several types, one is taken: nothing to speak of.
    return _unfit(sorted(name for name in others if not _is_plane(name))) if images else []


def _is_plane(name: str) -> bool:
    return name.removesuffix(_suffix(name)).rpartition("_")[2].lower() in COLORS


def _unfit(names: list[str]) -> list[str]:
    if not names:
        return []
    left, say = ("1 file is", "its name says") if len(names) == 1 else (f"{len(names)} files are", "their names say")
    return [f"{left} left out, since {say} no plane: {_some(names)}"]


def _some(names: list[str]) -> str:
    return ", ".join(map(printable, names[:SHOWN])) + ", ..." * (len(names) > SHOWN)


def _nothing(folder: Path) -> str:
    """What to say of a folder without images, and what may help."""
    there = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return (
        f"there is no image in {folder}, which holds {_some(there) or 'nothing'}: expected <Id>.tif of four channels, "
        f"or planes named <Id>_<color> in {', '.join(SUFFIXES)}, color one of {', '.join(COLORS)}{_advice(folder)}"
    )


def _advice(folder: Path) -> str:
    """What may help where the pictures of a folder are none of ours."""
    if pictures := [path for _, path in _pictures(folder, 0)]:
        try:
            with Image.open(pictures[0], formats=FORMATS) as picture:
                colored = picture.mode not in ("L", "I", "I;16", "1")
        except OSError:
            colored = False
        if colored:
            return (
                f"; {pictures[0].name} is a coloured picture, in which planes are mixed: export each channel as a file "
                "of its own, or all as one TIFF"
            )
        return (
            f"; {pictures[0].name} does not say its plane: naming='{{id}}_{{channel}}' with "
            "planes={red:WORD,green:WORD,blue:WORD,yellow:WORD} says how names do"
        )
    for stem, path in _pictures(folder, 1):
        name = Path(stem).name
        pattern = "{id}/{channel}" if words.is_known(name) else "*/{id}_{channel}" if "_" in name else "*/{id}"
        return (
            f"; there are pictures in its folders, such as {path.relative_to(folder)}: give one of these as images, or "
            f"say how names begin with their folder, such as naming='{pattern}'"
        )
    return ""
