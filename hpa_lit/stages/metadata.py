"""Stage metadata (method 2.4): raw label lists to tables.

Inputs: raw/train.csv, raw/sample_submission.csv, the external list. Outputs: tables/<set>.parquet.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hpa_lit import labels
from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.files.names import check_ids
from hpa_lit.stages import tables


def label_table(raw: pd.DataFrame, external: bool) -> pd.DataFrame:
    """Bring labels into their final form.

    Args:
        raw: Columns Id, Target.
        external: Whether these are external images, whose Ids begin with an antibody's number and ``_``.

    Returns:
        Columns Id, Target (ascending indices, each once), External, a uint8 0/1 column a label, and for external
        images antibody and antibody_code: its rank among the antibodies sorted as text.

    Raises:
        InputError: Names the rows with a wrong Target or Id.
    """
    rows = []
    problems = []
    for image_id, target in zip(raw["Id"], raw["Target"], strict=True):
        try:
            rows.append(labels.encode(target))
        except InputError as error:
            problems.append(f"{image_id}: {error}")
    if problems:
        raise InputError(f"{len(problems)} rows have no usable Target:\n{listing(problems)}")
    hot = np.array(rows, np.uint8).reshape(len(raw), len(labels.LABEL_NAMES))
    table = pd.DataFrame({"Id": raw["Id"], "Target": [labels.decode(row) for row in hot], "External": external})
    table = table.join(pd.DataFrame(hot, columns=labels.LABEL_NAMES, index=table.index))
    if not external:
        return table
    antibody = raw["Id"].str.split("_", n=1).str[0]
    if len(wrong := raw["Id"][~antibody.str.fullmatch("[0-9]+") | ~raw["Id"].str.contains("_")]):
        raise InputError(f"{len(wrong)} external Ids are not <antibody number>_<rest>:\n{listing(list(wrong))}")
    code = {name: rank for rank, name in enumerate(sorted(set(antibody)))}
    return table.assign(antibody=antibody.astype(np.int64), antibody_code=antibody.map(code).astype(np.int64))


def read_raw(tree: DataTree, image_set: ImageSet) -> pd.DataFrame:
    """Read the list of a set: Id, and Target but for test.

    Raises:
        InputError: The list is missing, or Ids in it are empty, repeated or no file names.
    """
    path, columns = {
        "train": (tree.train_csv, ["Id", "Target"]),
        "test": (tree.sample_submission, ["Id"]),
        "external": (tree.external_csv, ["Id", "Target"]),
    }[image_set]
    table = tables.read_csv(path, columns)
    if len(repeated := table["Id"][table["Id"].duplicated()]):
        raise InputError(f"{path}: {len(repeated)} Ids are repeated:\n{listing(list(repeated))}")
    check_ids(table["Id"].tolist(), path)
    return table


def run(tree: DataTree, sets: Sequence[ImageSet]) -> None:
    """Write the table of each set."""
    for image_set in sets:
        raw = read_raw(tree, image_set)
        table = raw.assign(External=False) if image_set == "test" else label_table(raw, image_set == "external")
        tables.write(tree.metadata(image_set), table)
        print(f"metadata: {image_set}: {len(table)} images")
