"""Writing a file so that nobody ever finds half of it."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpa_lit.errors import InputError

# What a file system answers to a writer that did nothing wrong.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)
GONE = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT)
TRIED = bytes(2**16)  # appended to ask a file system whether it takes any more


class UnwritableError(InputError):
    """A file cannot be written, whatever is in it: nor can the next."""


def make_room(path: Path) -> None:
    """Make the folder that a file is to be written into.

    Raises:
        UnwritableError: It cannot be made, or nothing can be written into it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise UnwritableError(f"{path} cannot be written: {reason}; choose another place") from error
    if not os.access(path.parent, os.W_OK):
        raise UnwritableError(f"{path} cannot be written: you may not write into {path.parent}; choose another place")


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[Path]:
    """Yield a path beside `path` to write to; when the block ends well, the file is renamed into its place.

    A process that is killed, a full disk and a folder that vanishes leave the old file or the new one, never half of
    one; with `sync`, so does a machine that stops.

    Args:
        path: The file to write.
        sync: Wait until it is on the disk; some milliseconds, which count where there are thousands of files. It is
            also what some file systems of networks first say on that they are full.

    Raises:
        UnwritableError: It cannot be written; names it, why, and on a full disk what is free.
    """
    make_room(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        if sync:
            _sync(temporary)
        temporary.replace(path)
        if sync:
            _sync_folder(path.parent)
    except InputError:
        raise
    except Exception as error:
        if (number := _trouble(error, temporary)) is None:
            raise
        size = 0
        with suppress(OSError):
            size = temporary.stat().st_size
        raise UnwritableError(f"{path} cannot be written: {_reason(number, path.parent, size)}") from error
    finally:
        with suppress(OSError):  # where the folder is gone, so is what lay in it
            temporary.unlink(missing_ok=True)


def remove_stale(folder: Path, name: str = "*") -> None:
    """Remove what killed writers of `name` left in a folder; only for the one process that writes there."""
    for stale in folder.glob(f".[0-9]*.{name}"):
        stale.unlink(missing_ok=True)


@contextmanager
def into(folder: Path) -> Iterator[None]:
    """Say what keeps others from writing into a folder, who write there by themselves, such as loggers.

    Raises:
        UnwritableError: The file system does not take what they write.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # Lightning raises the second of a folder that it misses
        number = None
        if not folder.is_dir():
            number = errno.ENOENT
        elif isinstance(error, RuntimeError):
            raise
        elif error.filename is None:
            asked = folder / f".{os.getpid()}.asked"
            number = _asked(asked)
            asked.unlink(missing_ok=True)
        elif Path(str(error.filename)).is_relative_to(folder) and error.errno in (*FULL, *DENIED, *GONE):
            number = error.errno
        if number is None:
            raise
        raise UnwritableError(f"{folder} cannot be written: {_reason(number, folder)}") from error


def sentence(error: OSError) -> str:
    """What a file system answered, where nobody nearer to the file has said it; of a full disk with what is free."""
    if error.filename is not None:
        return f"{error.filename}: {_reason(error.errno or 0, Path(str(error.filename)).parent)}"
    said = f"a file could not be read or written: {os.strerror(error.errno or 0)}"
    if error.errno not in FULL:
        return said
    # What is written in passing lies in the last two.
    folders = [folder for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path("/dev/shm")) if folder.is_dir()]
    free = [f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free in {folder}" for folder in folders]
    return f"{said}: {', '.join(free)}; make room"


def _trouble(error: Exception, temporary: Path) -> int | None:
    """The number of what the file system has against a file; None for an error of another kind.

    Libraries that write by themselves, such as torch and tifffile, raise errors without a number. Then the file system
    is asked once more.
    """
    if isinstance(error, OSError) and error.errno is not None:
        ours = error.filename is None or str(error.filename) == str(temporary)
        gone = error.errno == errno.ENOENT and not temporary.parent.exists()
        return error.errno if ours and (gone or error.errno in (*FULL, *DENIED, *GONE)) else None
    return _asked(temporary)


def _asked(temporary: Path) -> int | None:
    """What a file system answers to more bytes in a file that is then removed; None where it takes them."""
    try:
        with temporary.open("ab", buffering=0) as file:
            if file.write(TRIED) < len(TRIED):
                file.write(TRIED)  # raises what kept the first from being whole
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno
    return None


def _reason(number: int, folder: Path, freed: int = 0) -> str:
    """What a number of the file system means for a file in a folder, with the remedy.

    Args:
        number: What the system said.
        folder: Where the file was to be.
        freed: Bytes of what is there of it and is to be removed.
    """
    why = os.strerror(number)
    if number in DENIED:
        return f"{why}; see to its permissions, or choose another place"
    try:
        free = shutil.disk_usage(folder).free + freed
    except OSError:
        return f"the folder {folder} is gone; see that its disk is there, or choose another place"
    if number == errno.ENOSPC:
        return f"{why}: {free / 1e6:,.1f} MB are free there, and it needs more; make room, or choose another place"
    if number in FULL:  # the limit of a user or a process, not of the disk
        return f"{why}; ask for a larger limit, or choose another place"
    return f"{why}; see to the disk, or choose another place"


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system knows of such a thing."""
    if os.name == "nt":
        return
    with suppress(PermissionError):  # one may write into a folder that one may not read
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(number)
