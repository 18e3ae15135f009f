"""Which images a prediction is about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpa_lit.data import AtlasDataModule, FolderDataModule, ImageDataModule, build_data
from hpa_lit.data.record import read_record
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.prediction_file import OK
from hpa_lit.files.tree import RunTree
from hpa_lit.inference.model import Model
from hpa_lit.inference.planes import check_planes
from hpa_lit.inference.views import cut

# How images are loaded: arguments of `find_images`.
LOADING = ("trust", "batch_size", "workers", "bits", "missing", "naming", "planes", "z")
LAYOUT = ("naming", "planes", "z")  # of these, what is about files of anybody's; the training's where nothing is given
SETS, FOLDER = ("train", "test", "external"), "folder"


def find_images(
    model: Model,
    dataset: str | None,
    images: Path | str | None,
    root: Path,
    trust: bool = False,
    pixel_size: rgby.PixelSize = None,
    **running: Any,
) -> tuple[str, ImageDataModule]:
    """The images to predict, as a data module that is set up for it, and the name of the dataset.

    Args:
        model: The network, which knows how its training saw images, and which.
        dataset: train, test or external: a set of the prepared atlas; valid: the images that the run was validated on,
            and test where it set some apart; folder: all in a folder. None means a folder where there is one.
        images: The folder; of a run that was trained on a folder and `valid`, another place of that folder.
        root: The prepared atlas.
        trust: Whether to run the code of a data module that is not ours.
        pixel_size: Of a folder's images, which are brought to that of the training; None leaves them as they are.
        running: How images are loaded: batch_size, workers, bits and missing of `ImageDataModule`; of a folder's also
            naming, planes and z of `FolderDataModule`.

    Raises:
        InputError: Nothing is asked for, or it was not prepared.
    """
    dataset = dataset or (FOLDER if images else "null")
    seen = {key: model.data[key] for key in ("image_size", "crop_size", "bits")} | {"channels": model.channels}
    given = {key: value for key, value in running.items() if value is not None}
    layout = {key: given.pop(key) for key in LAYOUT if key in given}
    seen |= given
    record = RunTree(model.checkpoint.parents[1]).record
    if dataset == FOLDER:
        if images is None:
            raise InputError("dataset=folder needs images=FOLDER")
        name = f"{FOLDER}-{Path(images).absolute().name}"
        layout = {key: model.data[key] for key in LAYOUT if model.data.get(key) is not None} | layout
        if pixel_size is not None:
            layout |= {"pixel_size": pixel_size, "target_pixel_size": _target(model)}
        module: ImageDataModule = FolderDataModule(images, dataset=dataset, **seen, **layout)
    elif layout or pixel_size is not None:
        raise InputError(f"{next(iter(layout), 'pixel_size')} is about a folder of pictures: set images=FOLDER alone")
    elif dataset == "valid" or (dataset == "test" and record.is_file() and "test" in read_record(record)):
        if model.legacy or model.data["_target_"] is None:
            raise InputError(f"{model.run} does not say which images it was validated on: dataset=valid needs a run's")
        places: dict[str, Any] = {"images": images} if images and "images" in model.data else {}
        if model.data["_target_"] == "hpa_lit.data.AtlasDataModule":
            places["root"] = root
        name, module = dataset, build_data(model.data, trust, dataset=dataset, record=record, **(seen | places))
        if not record.is_file() and "labels" in model.data:
            _refuse_other_labels(model, module)
    elif dataset in SETS:
        if images is not None:
            raise InputError(f"dataset={dataset} lies under paths.root; leave images out, or ask for dataset=folder")
        name, module = dataset, AtlasDataModule(root, fold=None, dataset=dataset, **({"batch_size": 1} | seen))
    else:
        raise InputError(f"dataset={dataset}: choose test, external, train or valid, or set images=FOLDER alone")
    module.setup("predict")
    return name, module


def layout_for(
    model: Model,
    planes: Mapping[str, str | int] | None = None,
    z: rgby.Slices = None,
    pixel_size: rgby.PixelSize = None,
) -> rgby.Layout:
    """How single files of anybody's are read for a network: as in its training, where nothing else is said.

    Args:
        model: The network.
        planes: The channel of each color, as of `FolderDataModule`; likewise `z`.
        z: What becomes of Z stacks.
        pixel_size: Of the files, which are brought to that of the training; None leaves them as they are.
    """
    chosen = planes or model.data.get("planes") or {}
    slices = model.data.get("z") if z is None else z
    field = None if pixel_size is None else _target(model) * model.data["image_size"]
    return rgby.Layout(tuple(chosen.items()), slices, pixel_size=pixel_size, field=field)


def seen_images(model: Model, data: ImageDataModule, most: int) -> list[npt.NDArray[np.uint8]]:
    """The first images by their Ids, each (C, S, S) uint8: whole, and brought to the size that the network sees.

    Raises:
        InputError: There is none, or one cannot be read; names it.
    """
    assert data.predicted is not None
    check_planes(data.predicted, model.channels, data.missing)
    side = model.data["crop_size"] or model.data["image_size"]
    seen = []
    for batch in data.predict_loader(range(min(most, len(data.predicted))), batch_size=1):
        if batch["status"] != [OK]:
            raise InputError(f"{batch['id'][0]}: {batch['status'][0]}")
        seen.append(cut(batch["image"], batch["id"], 0, side)[0].numpy())
    return seen


def _target(model: Model) -> float:
    """The pixel size, in micrometres, of images as the network sees them."""
    if model.pixel_size is None:
        raise InputError(
            f"{model.run} does not know its pixel size, to bring images to it: train with pixel_size=NUMBER, or set "
            "data=folder data.images=FOLDER data.target_pixel_size=NUMBER, in micrometres at "
            f"{model.data['image_size']} pixels a side"
        )
    return model.pixel_size


def _refuse_other_labels(model: Model, module: ImageDataModule) -> None:
    """Of a run that kept no record of its sides, see whether the label table is still that of the training."""
    table = module.label_table()
    if table is not None and tuple(table.names) != model.labels:
        raise InputError(
            f"{model.data['labels']} has the labels {', '.join(table.names)}; "
            f"{model.run} was trained on {', '.join(model.labels)}"
        )
