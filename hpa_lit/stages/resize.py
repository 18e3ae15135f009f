"""Stage resize (method 2.2 and 2.3): raw planes to one 4-channel TIFF an image.

Inputs: the lists of the sets, raw/<set>/<Id>_<color>.*. Outputs: images/<size>/<set>/<Id>.tif.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import get_args

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.files.stack_tiff import Compression
from hpa_lit.files.writing import UnwritableError, remove_stale
from hpa_lit.stages import failures, tables
from hpa_lit.stages.metadata import read_raw
from hpa_lit.stages.workers import Workers

PNG_SIZE = 512  # of Kaggle's PNGs; larger images come from its full-size TIFFs
PNG_FIRST = (".png", *(suffix for suffix in rgby.SUFFIXES if suffix != ".png"))


@dataclass(frozen=True)
class Conversion:
    """What decides how raw planes become pixels; one folder of images holds one conversion.

    Args:
        bits: Depth of 16-bit planes, see `rgby.to_uint8`.
        rgb_channels: For planes stored as RGB pictures, the channel that holds the plane, for each color.
        upscale: Whether images may be made larger than their source.
    """

    bits: rgby.BitDepth = "auto"
    rgb_channels: tuple[int, ...] = rgby.RGB_CHANNELS
    upscale: bool = False


@dataclass(frozen=True)
class Target:
    """A picture to make: its source, side and place."""

    files: rgby.ImageFiles
    size: int
    path: Path


def make(task: tuple[str, list[Target]], conversion: Conversion, compression: Compression = "packbits") -> str | None:
    """Make the pictures of one Id; say why where that cannot be."""
    image_id, targets = task
    source: rgby.ImageFiles | None = None
    try:
        for target in targets:
            _check_size(target, conversion)
            if target.files != source:
                source = target.files
                image = rgby.read(source, conversion.bits, conversion.rgb_channels)
            rgby.write(target.path, rgby.resize(image, target.size), image_id, compression)
    except UnwritableError:
        raise
    except InputError as error:
        return str(error)
    return None


def run(
    tree: DataTree,
    sets: Sequence[ImageSet],
    sizes: Sequence[int],
    conversion: Conversion,
    workers: Workers,
    compression: Compression = "packbits",
) -> None:
    """Make the pictures that are missing, whatever the compression of those that are there.

    Raises:
        IncompleteError: Some could not be made.
    """
    if compression not in get_args(Compression):
        raise InputError(f"prepare.compression={compression}: choose {', '.join(get_args(Compression))}")
    failed: list[tuple[str, str]] = []
    total = 0
    for image_set in sets:
        ids = read_raw(tree, image_set)["Id"]
        tasks, absent = _tasks(tree, image_set, list(ids), sorted(set(sizes)), conversion)
        reasons = workers.map(
            partial(make, conversion=conversion, compression=compression), tasks, f"resize {image_set}"
        )
        failed += absent
        failed += [(image_id, why) for (image_id, _), why in zip(tasks, reasons, strict=True) if why]
        total += len(ids)
        print(f"resize: {image_set}: {len(ids)} images, {len(tasks)} of them were to do")
    failures.settle(tree, "resize", failed, total)


def _check_size(target: Target, conversion: Conversion) -> None:
    if conversion.upscale or not target.files:
        return
    path = next(iter(target.files.values()))
    height, width = rgby.size(path)
    if min(height, width) < target.size:
        raise InputError(
            f"{path.name} is {height} x {width}, smaller than {target.size}: "
            "put full-size planes beside it, choose a smaller data=, or set prepare.upscale=true"
        )


def _tasks(
    tree: DataTree, image_set: ImageSet, ids: Sequence[str], sizes: Sequence[int], conversion: Conversion
) -> tuple[list[tuple[str, list[Target]]], list[tuple[str, str]]]:
    """What is missing and can be made, by Id; and the Ids that have no files, with that reason."""
    raw = tree.raw_images(image_set)
    sources = {size: rgby.list_images(raw, PNG_FIRST if size == PNG_SIZE else rgby.SUFFIXES) for size in sizes}
    made: dict[int, set[str]] = {}
    for size in sizes:
        folder = tree.images(image_set, size)
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        made[size] = {path.name for path in folder.iterdir()}
        _keep_conversion(tree.image_settings(image_set, size), folder, conversion, bool(made[size]))
    tasks, absent = [], []
    for image_id in ids:
        name = f"{image_id}.tif"
        wanted = [size for size in sizes if name not in made[size]]
        if wanted and image_id not in sources[wanted[0]]:
            absent.append((image_id, f"no file in {raw}"))
        elif wanted:
            tasks.append(
                (image_id, [Target(sources[s][image_id], s, tree.images(image_set, s) / name) for s in wanted])
            )
    return tasks, absent


def _keep_conversion(path: Path, folder: Path, conversion: Conversion, begun: bool) -> None:
    now = asdict(conversion) | {"rgb_channels": list(conversion.rgb_channels)}
    if begun and path.is_file() and (before := json.loads(path.read_text())) != now:
        raise InputError(
            f"{folder} holds images that were made with {before}, not with {now}: "
            "remove the folder, or use those settings"
        )
    tables.write_json(path, now)
