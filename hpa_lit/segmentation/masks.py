"""Masks that others made: label images, found by the Ids of their fields."""

from collections.abc import Collection
from pathlib import Path

from hpa_lit.errors import InputError
from hpa_lit.files import label_image
from hpa_lit.files.label_image import Labels

# What programs put behind the name of a picture: nothing (StarDist), Cellpose, the HPA's own segmenter, and others.
ENDINGS = ("", "_cp_masks", "_cellmask", "_cell_mask", "_cells", "_masks", "_mask", "_labels")


def list_masks(folder: Path, ids: Collection[str]) -> dict[str, Path]:
    """The label image of each field that has one.

    Args:
        folder: Of TIFFs and PNGs, each named by an Id and one of `ENDINGS`.
        ids: Of the fields.

    Raises:
        InputError: There is no such folder, no file of any field, or two of one.
    """
    if not folder.is_dir():
        raise InputError(f"masks={folder}: there is no such folder")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in label_image.SUFFIXES]
    named: dict[str, str] = {}
    for ending in ENDINGS:  # a name that is itself an Id is that one's
        for image_id in ids:
            named.setdefault(f"{image_id}{ending}", image_id)
    found: dict[str, Path] = {}
    for path in files:
        if path.stem not in named:
            continue
        image_id = named[path.stem]
        if image_id in found:
            raise InputError(f"{found[image_id]} and {path} are both masks of {image_id}: take one away")
        found[image_id] = path
    if not found:
        there = ", ".join(path.name for path in files[:3]) or "no TIFF or PNG"
        raise InputError(
            f"masks={folder} holds {there}: no label image of any field; expected names such as "
            f"{min(ids, default='ID')}.tif or {min(ids, default='ID')}_cp_masks.png"
        )
    return found


def read_mask(path: Path, shape: tuple[int, int]) -> Labels:
    """Read the label image of a field of this shape.

    Raises:
        InputError: It cannot be read, is no label image, or has another shape.
    """
    mask = label_image.read(path)
    if mask.shape != shape:
        here, there = (" x ".join(map(str, sides)) for sides in (mask.shape, shape))
        raise InputError(f"{path} has {here} pixels and its field {there}: make the mask from the field as it is")
    return mask
