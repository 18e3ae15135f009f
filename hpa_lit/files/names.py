"""What a name may be that comes out of a table or a file and becomes the name of a file or folder."""

import unicodedata
from collections.abc import Sequence

from hpa_lit.errors import InputError, listing

LONGEST = 255  # bytes of a file's name, on all common file systems
# Control characters, halves of characters that came of bytes that are no UTF-8, ends of lines and of paragraphs.
_CONTROL = {"Cc", "Cs", "Zl", "Zp"}


def control_signs(text: str) -> list[str]:
    """The characters of a text that show nothing and steer what shows it, or cannot be written."""
    return [sign for sign in text if unicodedata.category(sign) in _CONTROL]


def fault(name: str) -> str:
    """Why a name cannot be that of a file or folder inside another, in words that follow it; empty where it can."""
    if not name.strip():
        return "is empty"
    if name != name.strip():
        return "begins or ends with a blank"
    if name.startswith("."):
        return "begins with a dot, as hidden files and .. do"
    if unfit := [sign for sign in name if sign in "/\\"] + control_signs(name):
        return f"holds {unfit[0]!r}"
    if (size := len(name.encode())) > LONGEST:
        return f"is {size} bytes long, of which a file's name has {LONGEST} at most"
    return ""


def cell_id(field: str, number: int) -> str:
    """The Id of a cell of a field, by its number in the mask."""
    return f"{field}/{number}"


def field_of(image_id: str) -> str:
    """The Id of the field of a cell; of a field, its own."""
    field, slash, number = image_id.rpartition("/")
    return field if slash and number.isascii() and number.isdigit() else image_id


def number_of(image_id: str) -> int:
    """The number of a cell in the mask of its field, by its Id."""
    return int(image_id.rpartition("/")[2])


def printable(text: str) -> str:
    r"""A text with ``\x1b`` or ``\udce9`` in place of control characters and of bytes that are no UTF-8."""
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _CONTROL else c for c in text)


def check_id(image_id: str) -> None:
    """Raise `InputError` unless an Id can be the name of a file."""
    if why := fault(image_id):
        raise InputError(f"Id {_short(image_id)} {why}, and Ids are names of files: rename it")


def check_ids(ids: Sequence[str], where: object) -> None:
    """Raise `InputError`, which names the culprits, unless all Ids can be names of files.

    Args:
        ids: The Ids.
        where: What they stand in, for the message, such as the path of a table.
    """
    if culprits := [f"Id {_short(image_id)} {why}" for image_id in ids if (why := fault(image_id))]:
        raise InputError(
            f"{where}: {len(culprits)} Ids cannot be names of files, which Ids are: rename them\n{listing(culprits)}"
        )


def _short(name: str) -> str:
    return repr(name if len(name) <= LONGEST else f"{name[:60]}...")
