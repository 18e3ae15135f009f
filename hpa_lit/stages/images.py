"""The prepared images that the stages after resize read."""

from pathlib import Path
from typing import Literal

from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.stages.metadata import read_raw

OnMissing = Literal["error", "skip"]


def present(tree: DataTree, image_set: ImageSet, size: int, on_missing: OnMissing) -> dict[str, Path]:
    """The image files of a set by Id, in the order of its list.

    Raises:
        InputError: Images are missing and `on_missing` is not ``skip``.
    """
    if on_missing not in ("error", "skip"):
        raise InputError(f"prepare.on_missing={on_missing}: choose error or skip")
    folder = tree.images(image_set, size)
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    paths = {image_id: folder / f"{image_id}.tif" for image_id in read_raw(tree, image_set)["Id"]}
    missing = [image_id for image_id, path in paths.items() if path.name not in found]
    if missing and on_missing == "error":
        raise InputError(
            f"{len(missing)} of {len(paths)} images are not in {folder}: run stage=resize with prepare.sizes=[{size}], "
            f"or go on without them with prepare.on_missing=skip\n{listing(missing)}"
        )
    return {image_id: path for image_id, path in paths.items() if path.name in found}
