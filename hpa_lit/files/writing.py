"""Writing a file so that nobody ever finds half of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpa_lit.errors import InputError


def make_room(path: Path) -> None:
    """Make the folder that a file is to be written into.

    Raises:
        InputError: It cannot be made, or nothing can be written into it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise InputError(f"{path} cannot be written: {reason}; choose another place") from error
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written: you may not write into {path.parent}; choose another place")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; when the block ends well, the file is renamed into its place.

    A run that is killed leaves the old file or the new one, never half of one.
    """
    make_room(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_stale(folder: Path, name: str = "*") -> None:
    """Remove what killed writers of `name` left in a folder; only for the one process that writes there."""
    for stale in folder.glob(f".[0-9]*.{name}"):
        stale.unlink(missing_ok=True)
