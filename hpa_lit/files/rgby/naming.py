"""How the names of files say Id and plane: as a known program writes them, or as a user says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hpa_lit.errors import InputError
from hpa_lit.files.rgby import words
from hpa_lit.files.rgby.finding import COLORS

HPA = "hpa"  # of this package: <Id>_<color>, or all planes in <Id>.tif
CELLS = "cells"  # of this package: <field>/<number>, a cell that was cut out of a field, which has both as its Id
_STAINS = "stains"


@dataclass(frozen=True)
class Naming:
    """A way to name files.

    Args:
        name: Its own, or the pattern of a user.
        pattern: Of a file's path in its folder, without the suffix; groups id, more and channel, but for id not all.
    """

    name: str
    pattern: re.Pattern[str]

    @property
    def depth(self) -> int:
        """How many folders lie between the folder and its files."""
        return 1 if self.name == CELLS else self.name.count("/")

    def read(self, stem: str) -> tuple[str, str] | None:
        """Id and channel of a file of this name, without its suffix; None where it has another name."""
        found = self.pattern.fullmatch(stem)
        if found is None:
            return None
        groups = found.groupdict()
        channel = groups.get("channel") or ""
        if self.name == _STAINS and not words.is_known(channel):
            return None
        return groups["id"] + (groups.get("more") or ""), channel


def naming_of(text: str) -> Naming:
    """A known naming, or a pattern of a user: ``{id}_ch{channel}``, ``*/{id}_{channel}``, ``{id}/{channel}``.

    Raises:
        InputError: It is neither.
    """
    if text == CELLS:
        return Naming(text, re.compile(r"(?P<id>[^/]+/\d+)"))
    known = words.table()["namings"]
    if text in known:
        return Naming(text, re.compile(known[text]))
    if (
        text.count("{id}") != 1
        or text.count("{channel}") > 1
        or re.search(r"[{}]", re.sub(r"{id}|{channel}", "", text))
    ):
        raise InputError(
            f"naming={text}: choose {', '.join([HPA, CELLS, *known])}, or write a pattern of names without their "
            "suffix that has {id} and {channel}, such as '{id}_ch{channel}', '*/{id}_{channel}' of subfolders, or "
            "'{id}/{channel}'"
        )
    pattern = re.escape(text).replace(r"\{id\}", "(?P<id>[^/]+)").replace(r"\{channel\}", "(?P<channel>[^/]+?)")
    return Naming(text, re.compile(pattern.replace(r"\*", "[^/]*")))


def naming_that_fits(stems: Sequence[str]) -> Naming | None:
    """The first known naming that fits all of these names and finds several planes of an image; None without one.

    Names that end in the colors of our own planes are left to these.
    """
    if not stems or any(stem.rpartition("_")[2].lower() in COLORS for stem in stems):
        return None
    for naming in map(naming_of, words.table()["namings"]):
        if naming.read(stems[0]) is None:  # of thousands of Ids, mostly all that there is to see
            continue
        found = list(map(naming.read, stems))
        if None not in found and len({read[0] for read in found if read}) < len(found):
            return naming
    return None
