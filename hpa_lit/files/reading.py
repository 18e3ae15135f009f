"""Reading files of anybody's: whatever their bytes make a library raise, it ends in one sentence."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpa_lit.errors import InputError
from hpa_lit.files.names import printable


@contextmanager
def reading(path: Path, trouble: str = "cannot be read", folder: bool = False) -> Iterator[None]:
    """What is done in this block is reading one file.

    Args:
        path: The file.
        trouble: What to say of it where that fails.
        folder: Whether it is a folder of files, as a Zarr is.

    Raises:
        InputError: It failed, or the file has a name that cannot be said; the message names the file.
    """
    if printable(str(path)) != str(path):
        raise InputError(f"{printable(str(path))} has a name that cannot be printed, or is no UTF-8: rename it")
    try:
        if not (path.is_dir() if folder else path.is_file()):  # opening a pipe would wait for somebody to write into it
            what = "folder" if folder else "file"
            raise InputError(f"{path} is no {what}" if path.exists() else f"{path} does not exist")
        yield
    except InputError:
        raise
    except Exception as error:  # decoders of damaged files raise whatever their libraries raise
        said = printable(" ".join(str(error).split()))[:200]
        raise InputError(f"{path} {trouble}: {type(error).__name__}: {said}") from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
