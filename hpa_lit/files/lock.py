"""One process at a time writes into a folder."""

import errno
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from hpa_lit.errors import InputError
from hpa_lit.files.writing import make_room

if sys.platform != "win32":
    import fcntl
else:
    import msvcrt

TAKEN = (errno.EACCES, errno.EAGAIN)
UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # of a file system without locks
# The byte that is locked. Some systems keep others from reading a locked byte, and who holds it stands before this one.
PLACE = 2**30
WAITED = 0.2  # seconds between looks at a lock that is waited for


@contextmanager
def held(lock: Path, place: Path, remedy: str | None) -> Iterator[None]:
    """Hold a place for this process alone while the block runs.

    The lock is the kernel's and ends with the process, however that ends. Processes that this one starts do not inherit
    it: they write for it, and are to end with it.

    It holds between machines where the file system passes POSIX locks on: NFS does unless mounted with ``nolock`` or
    ``local_lock``, Lustre where mounted with ``flock``, not with ``localflock``. A machine that stops keeps its locks
    until the server gives it up. Where a file system knows no locks this is said, and the block runs.

    Args:
        lock: File that says in JSON who holds the place; gone afterwards.
        place: The folder or file that is held.
        remedy: What leads to another place, such as ``set tag=NAME``; None where there is none, and a process that
            holds it is waited for, which is said on standard error.

    Raises:
        InputError: Another process holds it, which is named; the lock cannot be written; or it was taken away, with its
            folder or alone, while the block ran.
    """
    found = lock.parent.exists()
    make_room(lock)
    file = _locked(lock, place, remedy)
    try:
        yield
        if not _leads_to(lock, file):
            raise InputError(
                f"{place} was taken away while it was being written, or its lock was: see to its disk, and start the "
                "same command again"
            )
    finally:
        with suppress(OSError):  # a disk that was closed meanwhile; and a folder that is not empty stays
            if _leads_to(lock, file):
                lock.unlink()
            if not found:
                lock.parent.rmdir()
        file.close()


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock; where nobody can know, whether one left its file there."""
    try:
        with lock.open("rb", buffering=0) as file:
            _lock(file, shared=True)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (*TAKEN, *UNKNOWN):
            return True
        raise
    return False


def _locked(lock: Path, place: Path, remedy: str | None) -> BinaryIO:
    """The lock's file, once it is locked and says who holds it."""
    said = False
    while True:
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        try:
            _lock(file)
        except OSError as error:
            if error.errno in TAKEN:
                with file:
                    holder = _holder(file)
                being = f"{place} is being written by {holder}"
                if remedy is not None:
                    raise InputError(f"{being}: wait for it, end it, or {remedy}") from None
                if not said:
                    print(f"{being}: waiting for it", file=sys.stderr)
                said = True
                time.sleep(WAITED)
                continue
            if error.errno not in UNKNOWN:
                raise
            print(f"{place} is on a file system without locks: see that no other process writes there")
        if _leads_to(lock, file):
            break
        file.close()  # its holder took it away before it was locked here
    ours = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "command": command_line(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }
    with suppress(OSError):  # on a full disk it is held, if by nobody that is named
        file.truncate(0)
        file.write(json.dumps(ours).encode())
    return file


def command_line() -> str:
    """The command that this process runs, as it can be typed again."""
    *_, name = ["python", *Path(sys.argv[0]).stem.split()]
    return shlex.join(["hpa-lit", name, *sys.argv[1:]])


def _lock(file: BinaryIO | FileIO, shared: bool = False) -> None:
    """Lock a byte far behind the content; shared, one keeps out only those who want it alone.

    By `lockf`: locks of `flock` are inherited by the processes that load images, which outlive a killed training by
    seconds, and fewer file systems of clusters pass them on.
    """
    if sys.platform == "win32":
        file.seek(PLACE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        fcntl.lockf(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, PLACE)


def _holder(file: BinaryIO) -> str:
    """Who holds a lock, in words."""
    try:
        holder = json.loads(file.read())
        return "process {process} on {host} since {since} ({command})".format(**holder)
    except (OSError, ValueError, KeyError):
        return "another process"


def _leads_to(path: Path, file: BinaryIO) -> bool:
    """Whether a name still leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False
