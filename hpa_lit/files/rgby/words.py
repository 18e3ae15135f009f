"""What channels are called, in files and in the names of files, and which plane that means."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hpa_lit.errors import InputError
from hpa_lit.files.names import printable
from hpa_lit.files.rgby.finding import COLORS

# Names that programs give where nobody gave one: Channel 1, C2, ch00, Channel:0:1, #3.
_COUNTED = re.compile(r"(channel|chan|ch|c|w|image|page)?[\W_]*[\d\W_]*", re.IGNORECASE)

_NUMBER = re.compile(r"^(w|c|ch)\d+(?=[\W_]*[a-z])")  # before a name: w1DAPI


@cache
def table() -> Mapping[str, Any]:
    """What namings.yaml holds."""
    content: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("namings.yaml").read_text())
    return content


def plane_of(name: str) -> str | None:
    """The color that a channel's name means without doubt: "DAPI", "Ch2-GFP", "nuclei (405)"; None of any other."""
    return _meant(name, "words") if _meant(name, "dyes", whole=True) is None else None


def is_known(name: str) -> bool:
    """Whether a name is that of a plane, a stain or a dye."""
    return plane_of(name) is not None or _meant(name, "dyes") is not None


def assigned(names: Sequence[str], planes: Mapping[str, str | int], where: object) -> dict[str, int]:
    """Which of several channels is which plane.

    Args:
        names: Of the channels, in their order.
        planes: The channel of each color as a user says it, none to go by the names alone.
        where: What has these channels, for errors.

    Returns:
        The place of each color that there is; empty where the names say nothing.

    Raises:
        InputError: There is no such channel, names mean one plane twice, or it is not clear which mean the rest.
    """
    if planes:
        return {color: _place(names, color, wanted, where) for color, wanted in planes.items()}
    if all(map(_COUNTED.fullmatch, names)):
        return {}
    colors = [plane_of(name) for name in names]
    found = {color: colors.index(color) for color in COLORS if color in colors}
    unknown = colors.count(None) > 0 and len(found) < len(COLORS)
    if unknown or len(found) < len(colors) - colors.count(None):
        raise unclear(names, where)
    return found


def unclear(names: Sequence[str], where: object) -> InputError:
    """What to say where it is not clear which channel is which plane."""
    return InputError(
        f"{where} {_has(names)}, which do not say which is which: {proposal(names)} (red microtubules, green the "
        "protein, blue the nucleus, yellow the reticulum; leave out what there is not)"
    )


def proposal(names: Sequence[str]) -> str:
    """What to write for channels of these names: a guess where some are known, ``planes={red:Cy3,blue:DAPI}``."""
    if not any(map(is_known, names)):
        return 'say so by "planes={red:WORD,green:WORD,blue:WORD,yellow:WORD}"'
    left = list(dict.fromkeys(names))
    chosen = dict[str, str]()
    for meaning in (plane_of, lambda name: _meant(name, "dyes"), None):
        for color in COLORS:
            fits = [name for name in left if meaning is None or meaning(name) == color]
            if color not in chosen and fits:
                chosen[color] = fits[0]
                left.remove(fits[0])
    listed = ",".join(f"{color}:{_quoted(chosen[color])}" for color in COLORS if color in chosen)
    return f'say so, such as "planes={{{listed}}}"'


def said(places: Mapping[str, int], names: Sequence[str]) -> str:
    """Which channel is taken as which plane, in words; empty where they are called so."""
    if all(names[place].casefold() == color for color, place in places.items()):
        return ""
    shown = [names[place] or f"channel {place}" for place in places.values()]
    return ", ".join(f"{printable(name)} as {color}" for name, color in zip(shown, places, strict=True))


def _place(names: Sequence[str], color: str, wanted: str | int, where: object) -> int:
    """The place of the channel that a user means."""
    key = str(wanted).casefold()
    for fits in (
        [place for place, name in enumerate(names) if name.casefold() == key],
        [place for place, name in enumerate(names) if key in _parts(name)],
        [place for place in range(len(names)) if isinstance(wanted, int) and place == wanted],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            break
    numbers = f", by number 0 to {len(names) - 1}" if all(map(_COUNTED.fullmatch, names)) else ""
    raise InputError(f"planes.{color}={wanted}: {where} {_has(names)}{numbers}: choose one of these")


def _parts(name: str) -> set[str]:
    """What a channel such as ``w1DAPI`` can be called too: w1, 1, dapi."""
    found = re.fullmatch(r"([a-z]*)(\d+)(.*)", name.casefold())
    if found is None:
        return set()
    letters, number, rest = found.groups()
    return {letters + number, number, str(int(number)), letters + str(int(number)), rest.strip(" -_")} - {""}


def _has(names: Sequence[str]) -> str:
    return f"has the channels {', '.join(printable(name) or 'without a name' for name in names)}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "'" + name.replace("'", "\\'") + "'"


@cache
def _meant(name: str, kind: str, whole: bool = False) -> str | None:
    """The color that the table has under `kind` for a name, or for one of the words in it."""
    by_word = {str(word): color for color, words in table()[kind].items() for word in words}
    tokens = re.findall(r"[^\W_]+", _NUMBER.sub("", name.casefold()))
    if (color := by_word.get("".join(tokens))) or whole:
        return color
    # Far Red is no red; ER is a receptor's name too.
    found = {by_word[token] for token in tokens if token in by_word and token not in COLORS and len(token) > 2}
    return found.pop() if len(found) == 1 else None
