"""Which images a prediction is about."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from hpa_lit.data.label_table import read_label_table
from hpa_lit.data.sources import Files, folder_files, set_files, valid_files
from hpa_lit.errors import InputError
from hpa_lit.files.tree import DataTree, ImageSet
from hpa_lit.inference.model import Model

VALID, FOLDER = "valid", "folder"
Split = Callable[[npt.NDArray[np.uint8], int], Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]]


def find_files(
    model: Model, dataset: str | None, images: str | None, tree: DataTree, split: Split
) -> tuple[str, Files]:
    """The files of each image of a dataset, by Id, and the dataset's name.

    Args:
        model: The network, which knows its images' size and its fold.
        dataset: train, test or external: a set of the prepared atlas; valid: the images that the run was validated on;
            folder: all in a folder. None means a folder where there is one.
        images: The folder; of a run that was trained on a folder and `valid`, another place of that folder.
        tree: The prepared atlas.
        split: Divides a label table into folds, as the training did: (labels (N, K), folds) -> rows of each.

    Raises:
        InputError: Nothing is asked for, it was not prepared, or the labels are no longer those of the training.
    """
    dataset = dataset or (FOLDER if images else "null")
    size = model.data["image_size"]
    if dataset == FOLDER:
        if images is None:
            raise InputError("dataset=folder needs images=FOLDER")
        return f"{FOLDER}-{Path(images).absolute().name}", folder_files(Path(images))
    if dataset in get_args(ImageSet):
        if images is not None:
            raise InputError(f"dataset={dataset} lies under paths.root; leave images out, or ask for dataset=folder")
        return dataset, set_files(tree, cast(ImageSet, dataset), size)
    if dataset != VALID:
        raise InputError(f"dataset={dataset}: choose test, external, train or valid, or set images=FOLDER alone")
    if model.legacy:
        raise InputError(f"{model.run} does not say which images it was validated on: dataset=valid needs a run's own")
    if model.data["name"] != FOLDER:
        return VALID, valid_files(tree, size, model.split, model.fold)
    table = read_label_table(Path(model.data["labels"]), model.data["label_list"])
    if tuple(table.names) != model.labels:
        raise InputError(
            f"{model.data['labels']} has the labels {', '.join(table.names)}; "
            f"{model.run} was trained on {', '.join(model.labels)}"
        )
    assert model.fold is not None
    rows = split(table.labels, model.data["folds"])[model.fold][1]
    found = folder_files(Path(images or model.data["images"]))
    return VALID, {table.ids[row]: found.get(table.ids[row], {}) for row in rows}
