"""The 28 protein locations and the two ways to write a set of them: label strings and 0/1 rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpa_lit.errors import InputError, listing
from hpa_lit.files.names import control_signs

# Columns of the tables that have one for each label too, and of label tables.
RESERVED = (
    *("Id", "Target", "Predicted", "fold", "split"),
    *("view", "status", "features", "locations", "top3", "size", "channels"),
    *("cell_count", "cell_shares", "cell_entropy", "cells_differ"),
    *("field", "cell_number", "centre_x", "centre_y", "pixels", "remark"),
)

LABEL_NAMES: tuple[str, ...] = (
    "Nucleoplasm",
    "Nuclear membrane",
    "Nucleoli",
    "Nucleoli fibrillar center",
    "Nuclear speckles",
    "Nuclear bodies",
    "Endoplasmic reticulum",
    "Golgi apparatus",
    "Peroxisomes",
    "Endosomes",
    "Lysosomes",
    "Intermediate filaments",
    "Actin filaments",
    "Focal adhesion sites",
    "Microtubules",
    "Microtubule ends",
    "Cytokinetic bridge",
    "Mitotic spindle",
    "Microtubule organizing center",
    "Centrosome",
    "Lipid droplets",
    "Plasma membrane",
    "Cell junctions",
    "Mitochondria",
    "Aggresome",
    "Cytosol",
    "Cytoplasmic bodies",
    "Rods & rings",
)


def encode(target: str, num_labels: int = len(LABEL_NAMES)) -> npt.NDArray[np.uint8]:
    """Turn a label string into a 0/1 row.

    Args:
        target: Label indices separated by spaces, such as ``"0 14"``. A repeated index counts once.
        num_labels: Length of the row.

    Returns:
        Array of shape (num_labels,).

    Raises:
        ValueError: The string is empty, or holds something that is not an index below ``num_labels``.
    """
    words = target.split()
    if not words:
        raise InputError("empty Target: give at least one label index, such as '0'")
    row = np.zeros(num_labels, np.uint8)
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) < num_labels):
            raise InputError(f"Target {target!r}: {word!r} is not a label index from 0 to {num_labels - 1}")
        row[int(word)] = 1
    return row


def decode(row: npt.ArrayLike) -> str:
    """Turn a 0/1 row of shape (labels,) into its label string, indices ascending: the inverse of `encode`."""
    return " ".join(str(index) for index in np.flatnonzero(np.asarray(row)))


def encode_all(targets: Sequence[str], num_labels: int = len(LABEL_NAMES)) -> npt.NDArray[np.uint8]:
    """Encode many label strings into an array of shape (N, num_labels)."""
    return np.array([encode(target, num_labels) for target in targets], np.uint8).reshape(len(targets), num_labels)


def check_names(names: Sequence[str], where: object) -> None:
    """Raise `InputError`, which names the culprits, unless names can be those of labels: columns of tables.

    Args:
        names: The names.
        where: What they stand in, for the message, such as the path of a table.
    """
    faults = [f"label {name!r} {why}" for name in dict.fromkeys(names) if (why := _fault(name))]
    faults += [f"label {name!r} stands there twice" for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if faults:
        raise InputError(f"{where}: {len(faults)} labels cannot be columns of tables: rename them\n{listing(faults)}")


def _fault(name: str) -> str:
    """Why a name cannot be that of a label, in words that follow it; empty where it can."""
    if not name.strip():
        return "has no name"
    if name in RESERVED:
        return "is the name of another column"
    if name != name.strip():
        return "begins or ends with a blank"
    return f"holds {signs[0]!r}" if (signs := control_signs(name)) else ""
