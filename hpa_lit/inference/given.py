"""Images that a Python program gives: arrays, files, or a folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from hpa_lit.data.dataset import batch_memory
from hpa_lit.data.whole_images import ImageBatch, WholeImages
from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.files.prediction_file import OK
from hpa_lit.inference.datasets import find_images, layout_for
from hpa_lit.inference.model import Model
from hpa_lit.inference.planes import check_planes, filled_planes
from hpa_lit.inference.sizes import as_seen, resized

Name = str | PathLike[str]
Images = npt.ArrayLike | Name | Sequence[Name]


class Reading(TypedDict, total=False):
    """How pictures are read, as the settings of predict of these names say it."""

    bits: rgby.BitDepth | None
    missing: rgby.Missing
    naming: str | None
    planes: Mapping[str, str | int] | None
    z: rgby.Slices
    pixel_size: rgby.PixelSize


class WholeArrays(Dataset[ImageBatch]):
    """Images in memory, brought to one size.

    Args:
        ids: N Ids.
        images: Shape (N, C, H, W), uint8 or uint16.
        image_size: Side S that every image is brought to.
        bits: Depth of uint16 pixels.
        channels: The planes that the network sees: the first of the C.
    """

    def __init__(
        self, ids: Sequence[str], images: npt.NDArray[np.generic], image_size: int, bits: rgby.BitDepth, channels: int
    ) -> None:
        self.ids, self.images, self.image_size, self.bits, self.channels = ids, images, image_size, bits, channels

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, rows: Sequence[int]) -> ImageBatch:
        """A batch, as `WholeImages` gives it."""
        batch = batch_memory((len(rows), self.channels, self.image_size, self.image_size))
        for row, place in zip(rows, batch.numpy(), strict=True):
            planes = rgby.to_uint8(list(self.images[row][: self.channels]), self.bits, Path(f"image {self.ids[row]}"))
            np.stack([rgby.resize(np.ascontiguousarray(plane), self.image_size) for plane in planes], out=place)
        ids = [self.ids[row] for row in rows]
        return {"id": ids, "status": [OK] * len(ids), "stamp": [""] * len(ids), "image": batch}


class Given(NamedTuple):
    """Images as a network takes them."""

    ids: list[str]  # N Ids, in the order in which the images were given
    images: WholeImages | WholeArrays  # they, in the order of Ids
    notes: list[str]  # what to say of how they were taken

    @property
    def rows(self) -> list[int]:
        """Where each image is in the order of Ids."""
        places = {image_id: row for row, image_id in enumerate(self.images.ids)}
        return [places[image_id] for image_id in self.ids]


def take(images: Images, model: Model, reading: Reading) -> Given:
    """Images as a network takes them.

    Args:
        images: An array (N, C, H, W) or (C, H, W) of planes red, green, blue, yellow, uint8 or uint16; a folder; a
            file of all planes; or files, those of a plane named ``<Id>_<color>``.
        model: The network.
        reading: How they are read.

    Raises:
        InputError: They are none of these, or none can be read.
    """
    if unknown := reading.keys() - Reading.__annotations__.keys():
        raise TypeError(f"{min(unknown)} is no way to read images; there are {', '.join(Reading.__annotations__)}")
    if isinstance(images, str | PathLike):
        path = Path(images)
        return _folder(path, model, reading) if path.is_dir() else _files([path], model, reading)
    if isinstance(images, Sequence) and any(isinstance(name, str | PathLike) for name in images):
        return _files([Path(cast(Name, name)) for name in images], model, reading)
    return _array(np.asarray(images), model, reading)


def _array(array: npt.NDArray[np.generic], model: Model, reading: Reading) -> Given:
    planes = len(model.channels)
    if odd := sorted({name for name, value in reading.items() if value is not None} - {"bits"}):
        raise InputError(f"{odd[0]} is about files, and the images are an array: leave it out")
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4 or not planes <= array.shape[1] <= len(rgby.COLORS) or not array.size:
        hint = "; np.moveaxis(images, -1, -3) brings the planes there" if array.shape[-1:] in ((3,), (4,)) else ""
        raise InputError(
            f"images have shape {array.shape}; expected (images, {planes}, height, width), of planes "
            f"{', '.join(rgby.colors(model.channels))}{hint}"
        )
    if array.dtype not in (np.uint8, np.uint16):
        raise InputError(f"images are {array.dtype}: give uint8, or uint16, as the microscope has them")
    count, side = len(array), model.data["image_size"]
    ids = [f"{number:0{len(str(count - 1))}}" for number in range(count)]
    images = WholeArrays(ids, array, side, reading.get("bits") or model.data["bits"], planes)
    height, width = array.shape[2:]
    return Given(ids, images, resized([(height, width)] * count, count, side))


def _folder(folder: Path, model: Model, reading: Reading) -> Given:
    _, module = find_images(model, None, folder, Path(), batch_size=1, workers=0, **reading)
    assert module.predicted is not None
    return _whole(list(module.predicted), module.predicted, module.notes, model, reading)


def _files(paths: Sequence[Path], model: Model, reading: Reading) -> Given:
    if absent := [str(path) for path in paths if not path.exists()]:
        raise InputError(f"{len(absent)} of {len(paths)} images are not there:\n{listing(absent)}")
    if repeated := [str(path) for path, times in Counter(paths).items() if times > 1]:
        raise InputError(f"{len(repeated)} files are given twice:\n{listing(repeated)}")
    if reading.get("naming") is not None:
        raise InputError("naming says how the files of a folder are named: give the folder")
    layout = layout_for(model, reading.get("planes"), reading.get("z"), reading.get("pixel_size"))
    files = {i: rgby.LaidOut(each, layout) for i, each in rgby.group_files(paths).items()}
    image_of = {path: image_id for image_id, each in files.items() for path in each.values()}
    if odd := [str(path) for path in paths if path not in image_of]:
        raise InputError(
            f"{len(odd)} files are no image of their own: expected <Id>.tif of all planes, or planes named "
            f"<Id>_<color>, each once; for other names give their folder:\n{listing(odd)}"
        )
    return _whole(list(dict.fromkeys(image_of[path] for path in paths)), files, [], model, reading)


def _whole(
    ids: list[str], files: Mapping[str, rgby.ImageFiles], notes: Sequence[str], model: Model, reading: Reading
) -> Given:
    missing, side = reading.get("missing", "error"), model.data["image_size"]
    check_planes(files, model.channels, missing)
    ordered = sorted(files)
    bits = reading.get("bits") or model.data["bits"]
    images = WholeImages(ordered, [files[i] for i in ordered], side, bits, model.channels, missing)
    filled = filled_planes(files, model.channels) if missing == "zero" else []
    return Given(ids, images, [*notes, *filled, *as_seen(files.values(), side)])
