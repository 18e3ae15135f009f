"""This process: what memory it took, and how it ends where something else ends it: a signal, or its parent's end."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

STATUS = Path("/proc/self/status")  # of Linux
OF_A_SIGNAL = 128  # the exit code of a process that a signal ended is this and the signal's number, as in any shell

LOOKED_AT = 0.5  # seconds between looks at a parent, and before a signal is sent once more


def peak_memory() -> int | None:
    """The most memory that this process has held, in bytes; None where the system does not say."""
    # Not getrusage, whose value a new process inherits from the one that started it.
    lines = STATUS.read_text().splitlines() if STATUS.is_file() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)


class Stopped(SystemExit):
    """A signal asked this process to end; it unwinds as Ctrl-C does, past whatever keeps to `Exception`.

    Attributes:
        signal: Which one.
        code: The exit code.
    """

    code: int

    def __init__(self, number: int) -> None:
        super().__init__(OF_A_SIGNAL + number)
        self.signal = signal.Signals(number)

    def __str__(self) -> str:
        return f"stopped by {self.signal.name} before it was done: the same command goes on from here"


def signal_of(code: int) -> signal.Signals | None:
    """The signal that ended a process, by its exit code, in a shell's count or in Python's; None where none did."""
    number = -code if code < 0 else code - OF_A_SIGNAL
    return signal.Signals(number) if number in signal.valid_signals() else None


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise `Stopped` in the block where SIGTERM or Ctrl-C asks this process to end; after it they end it at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    sys.unraisablehook = _stop_later
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = sys.__unraisablehook__


def _stop_later(unraisable: "sys.UnraisableHookArgs") -> None:
    """Send a signal once more that came while an object was being destroyed, which no exception ends."""
    stopped = unraisable.exc_value
    if isinstance(stopped, Stopped):
        signal.signal(stopped.signal, _stop)
        threading.Timer(LOOKED_AT, os.kill, (os.getpid(), stopped.signal)).start()
    else:
        sys.__unraisablehook__(unraisable)


def _stop(number: int, frame: FrameType | None) -> None:
    # What ends takes its time, and is told again by whatever tells a whole group and each of its members; Ctrl-C still
    # cuts it short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped(number)


def end_with_parent() -> None:
    """From now on end this process, which multiprocessing started, as soon as its parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(OF_A_SIGNAL + signal.SIGKILL)  # nobody is left to be told

    threading.Thread(target=end, daemon=True).start()


def serve_parent() -> None:
    """End this process, which multiprocessing started and has one thread yet, with its parent or at its word alone.

    Signals to a whole group of processes, as a terminal and a cluster send them, are the parent's to answer, which may
    want to finish something first.
    """
    sys.excepthook = _said_unless_parent_is_gone
    if not hasattr(signal, "sigtimedwait"):  # macOS: nobody can tell who sent a signal
        end_with_parent()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM}
    )  # in threads to come too: what is blocked can be waited for
    parent, above = multiprocessing.parent_process(), os.getppid()
    assert parent is not None

    def serve() -> None:
        sent = None
        # By its sentinel alone the parent lives until the last of those forked after this one is gone too.
        while os.getppid() == above and parent.is_alive() and (sent is None or sent.si_pid != parent.pid):
            sent = signal.sigtimedwait({signal.SIGTERM}, LOOKED_AT)
        os._exit(0)

    threading.Thread(target=serve, daemon=True).start()


def _said_unless_parent_is_gone(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say nothing of a parent that ended in the middle of a word."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
