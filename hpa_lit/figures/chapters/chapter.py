"""What every chapter of a report is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True, eq=False)
class Chapter:
    """A part of the page.

    Attributes:
        values: What the page's template shows, by the name it uses.
        tables: The numbers, by the name of their CSV.
        pictures: PNGs, by the name of their file.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def file_name(number: int, label: str) -> str:
    """A label as part of a file's name: 27 and "Rods & rings" give 27_Rods_rings."""
    return f"{number:02}_{re.sub(r'[^A-Za-z0-9]+', '_', label).strip('_')}"
