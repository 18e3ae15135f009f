"""What tests of several rooms share."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference values that are part of this repository."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real tables and pictures, which are not part of this repository."""
    folder = os.environ.get("HPA_LIT_SHARED")
    if not folder:
        pytest.skip("HPA_LIT_SHARED is not set: real tables and pictures are not at hand")
    return Path(folder)


@contextmanager
def on_a_terminal(columns: int) -> Iterator[Callable[[], str]]:
    """Let standard error be a terminal; gives what was written to it so far."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(theirs, "w") as file, redirect_stderr(file):

        def shown() -> str:
            file.write("\0")
            file.flush()
            content = b""
            while not content.endswith(b"\0"):
                content += os.read(ours, 2**16)
            return content[:-1].decode()

        yield shown
    os.close(ours)


@pytest.fixture
def terminal():
    """Makes standard error a terminal of so many columns, within the test."""
    return on_a_terminal
