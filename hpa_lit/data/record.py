"""The record that a run keeps of its images: which were on which side, and with which target."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.data.dataset import Examples
from hpa_lit.errors import InputError, listing
from hpa_lit.files import rgby
from hpa_lit.files.csv_table import read_csv
from hpa_lit.files.writing import replacing

SIDES = ("train", "valid", "test")


def write_record(path: Path, sides: Sequence[Examples | None]) -> None:
    """Write a table Id,side,Target: label places separated by spaces, or a class code."""
    tables = [
        pd.DataFrame({"Id": examples.ids, "side": name, "Target": _strings(examples.targets)})
        for name, examples in zip(SIDES, sides, strict=False)
        if examples is not None
    ]
    with replacing(path) as temporary:
        pd.concat(tables).to_csv(temporary, index=False)


def fingerprint(sides: Sequence[Examples | None]) -> str:
    """SHA-256 of the images of a run: on which side each is, its target, and the names and sizes of its files."""
    digest = hashlib.sha256()
    for name, examples in zip(SIDES, sides, strict=False):
        if examples is not None:
            for image_id, files, target in zip(examples.ids, examples.files, _strings(examples.targets), strict=True):
                sizes = [
                    (part.name, part.stat().st_size)
                    for _, path in sorted(files.items())
                    for part in rgby.parts_of(path)
                ]
                digest.update(json.dumps([name, image_id, target, sizes]).encode())
    return digest.hexdigest()


def read_record(path: Path) -> dict[str, pd.DataFrame]:
    """Read the table of each side, Id,side,Target, of a record.

    Raises:
        InputError: It is no such table.
    """
    try:
        table = read_csv(path)
        sides = {str(name): rows for name, rows in table[["Id", "side", "Target"]].groupby("side", sort=False)}
        if not set(SIDES[:2]) <= sides.keys() <= set(SIDES):
            raise ValueError(f"its sides are {', '.join(sides) or 'none'}")
        if twice := table["Id"][table["Id"].duplicated()].tolist():
            raise ValueError(f"{twice[0]} stands in it twice")
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is no record of a run's sides: {error}; restore it, or train anew") from error
    return sides


def recall(path: Path, sides: Sequence[Examples]) -> list[Examples]:
    """Bring images back to the sides that a record gives them, in its order.

    Images that the record does not know are left out, which is said.

    Args:
        path: The record.
        sides: The images as tables have them now.

    Returns:
        The examples of each side of the record.

    Raises:
        InputError: Images of the record are no longer there or have another target; names them.
    """
    place = {
        image_id: (number, row) for number, examples in enumerate(sides) for row, image_id in enumerate(examples.ids)
    }
    targets = [_strings(examples.targets) for examples in sides]
    record, problems = read_record(path), []
    for table in record.values():
        for image_id, then in zip(table["Id"], table["Target"], strict=True):
            if image_id not in place:
                problems.append(f"{image_id}: is no longer there")
            elif (now := targets[place[image_id][0]][place[image_id][1]]) != then:
                problems.append(f"{image_id}: its target was {then!r}, and is {now!r}")
    if problems:
        raise InputError(
            f"the tables have changed since this run began ({path}): {len(problems)} images differ; "
            f"bring them back, or train anew with tag=NAME:\n{listing(problems)}"
        )
    known = {image_id for table in record.values() for image_id in table["Id"]}
    if new := len(place.keys() - known):
        print(f"{new} images have come since this run began and are left out; tag=NAME trains anew with them")
    return [_take(sides, place, record[name]["Id"].tolist()) for name in SIDES if name in record]


def _take(sides: Sequence[Examples], place: Mapping[str, tuple[int, int]], ids: Sequence[str]) -> Examples:
    # Rows of all sides one after the other.
    starts = np.cumsum([0, *(len(examples.ids) for examples in sides)])
    rows = [int(starts[number]) + row for number, row in (place[image_id] for image_id in ids)]
    files = [files for examples in sides for files in examples.files]
    targets = np.concatenate([examples.targets for examples in sides if examples.targets is not None])
    return Examples(list(ids), [files[row] for row in rows], targets[rows])


def _strings(targets: npt.NDArray[np.uint8] | npt.NDArray[np.int64] | None) -> list[str]:
    assert targets is not None
    if targets.ndim == 1:
        return [str(code) for code in targets.tolist()]
    return [" ".join(map(str, np.flatnonzero(row))) for row in targets]
