"""Perceptual hashes of images, computed once and kept, for the matches of duplicates.

Inputs: images/512/<set>. Output: tables/hashes/<set>.parquet.
"""

from collections.abc import Sequence
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.stages import tables
from hpa_lit.stages.images import OnMissing, present
from hpa_lit.stages.workers import Workers

SIZE = 512
PLANES = ("red", "green", "blue")


def phash(plane: rgby.Pixels) -> int:
    """ImageHash's 64-bit perceptual hash of a plane (H, W), its first bit the highest."""
    return int(str(imagehash.phash(Image.fromarray(plane))), 16)


def hash_file(path: Path) -> tuple[str, npt.NDArray[np.uint64]] | str:
    """The content UUID and the three hashes of an image, or why there are none."""
    try:
        image = rgby.read({rgby.STACK: path})
        hashes = np.array([phash(image[:, :, rgby.COLORS.index(plane)]) for plane in PLANES], np.uint64)
        return rgby.content_uuid(path), hashes
    except InputError as error:
        return str(error)


def identity(path: Path) -> str:
    """The content UUID of an image; empty where it has none, so that nothing kept fits it."""
    try:
        return rgby.content_uuid(path)
    except InputError:
        return ""  # hashing it will say why


def update(tree: DataTree, image_set: ImageSet, workers: Workers, on_missing: OnMissing) -> pd.DataFrame:
    """The hashes of a set, in its order: Id, uuid, red, green, blue. Only new or changed images are hashed.

    Raises:
        InputError: Images are missing or damaged.
    """
    paths = present(tree, image_set, SIZE, on_missing)
    kept = _kept(tree.hashes(image_set))
    uuids = workers.map(identity, list(paths.values()), f"look at {image_set}") if kept else iter([""] * len(paths))
    rows = {i: kept[i, uuid] for i, uuid in zip(paths, uuids, strict=True) if (i, uuid) in kept}
    new = [image_id for image_id in paths if image_id not in rows]
    problems = []
    for image_id, result in zip(new, workers.map(hash_file, [paths[i] for i in new], f"hash {image_set}"), strict=True):
        if isinstance(result, str):
            problems.append(result)
        else:
            rows[image_id] = (image_id, result[0], *result[1])
    if problems:
        raise InputError(
            f"{len(problems)} {image_set} images are damaged; remove them and run stage=resize:\n{listing(problems)}"
        )
    table = pd.DataFrame([rows[image_id] for image_id in paths], columns=["Id", "uuid", *PLANES])
    table = table.astype(dict.fromkeys(PLANES, np.uint64))
    tables.write(tree.hashes(image_set), table)
    print(f"hashes: {image_set}: {len(table)} images, {len(new)} of them new")
    return table


def _kept(path: Path) -> dict[tuple[str, str], Sequence[object]]:
    if not path.is_file():
        return {}
    return {(row[0], row[1]): row for row in pd.read_parquet(path).itertuples(index=False, name=None)}
