"""Writing a file so that nobody ever finds half of it."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpa_lit.errors import InputError

# What a file system answers to a writer that did nothing wrong.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)
GONE = (errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT)
LITTLE = 2**16  # bytes; a disk with less is full, whatever a library calls its trouble


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
def replacing(path: Path, sync: bool = True) -> Iterator[Path]:
    """Yield a path beside `path` to write to; when the block ends well, the file is renamed into its place.

    A process that is killed, a full disk or a folder that vanishes leaves the old file or the new one, never half of
    one; so does a machine that loses its power where the file system keeps the order of `fsync` and `rename`.

    Args:
        path: The file to write.
        sync: Wait until the content is on the disk. It takes some milliseconds, which count where there are many files.

    Raises:
        InputError: It cannot be written; names it, why, and on a full disk what is free.
    """
    make_room(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        if sync:
            _sync(temporary)
        temporary.replace(path)
        if sync:
            _sync(path.parent)
    except InputError:
        raise
    except Exception as error:
        if reason := _trouble(error, temporary):
            raise InputError(f"{path} cannot be written: {reason}") from error
        raise
    finally:
        with suppress(OSError):  # where the folder is gone, so is what lay in it
            temporary.unlink(missing_ok=True)


def remove_stale(folder: Path, name: str = "*") -> None:
    """Remove what killed writers of `name` left in a folder; only for the one process that writes there."""
    for stale in folder.glob(f".[0-9]*.{name}"):
        stale.unlink(missing_ok=True)


def room(folder: Path) -> str:
    """What is free on the disk of a folder, in words; nothing where it cannot be asked."""
    try:
        return f" ({shutil.disk_usage(folder).free / 1e6:,.1f} MB are free there)"
    except OSError:
        return ""


def _trouble(error: Exception, temporary: Path) -> str:
    """Why the file system did not take a file, with the remedy; nothing where the error is of another kind.

    Libraries that write by themselves, such as torch and HDF5, raise what they like, without a number or a name.
    """
    folder = temporary.parent
    if not folder.is_dir():
        return f"the folder {folder} is gone; see that its disk is there"
    number = error.errno if isinstance(error, OSError) else None
    if number is None and shutil.disk_usage(folder).free < LITTLE:
        number = errno.ENOSPC
    if number not in (*FULL, *DENIED, *GONE) or str(getattr(error, "filename", None) or temporary) != str(temporary):
        return ""
    if number in FULL:
        return f"{os.strerror(number)}{room(folder)}; make room or choose another place"
    return f"{os.strerror(number)}; see to the disk and its permissions, or choose another place"


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folder
    number = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
