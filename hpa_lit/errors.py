"""Bad input, said in one message: the culprits and the remedy; and what is said of a defect of ours."""

import difflib
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

BAD_INPUT = 2  # the exit code of a process that `InputError` ended
DEFECT = 1  # and of one that any other exception ended, which is a defect of ours
DEBUG = "HPA_LIT_DEBUG"  # the variable that, set to 1, has tracebacks shown
SHOWN = 20
_PACKAGE = Path(__file__).parent


class InputError(ValueError):
    """Somebody's input cannot be used. Commands print the message alone, without a traceback."""

    def __str__(self) -> str:
        """The message, without the traceback that torch puts before it when a loader's worker raised the error."""
        return super().__str__().rpartition(f"{__name__}.{type(self).__name__}: ")[2].rstrip()


def end(message: str, code: int = BAD_INPUT) -> SystemExit:
    """Say on standard error what is wrong; gives what ends the process, with that message and an exit code."""
    ended = SystemExit(f"error: {message}")
    print(ended, file=sys.stderr, flush=True)
    ended.code = code
    return ended


def ended_by(error: Exception) -> SystemExit:
    """Say on standard error what an exception is about, with its traceback where HPA_LIT_DEBUG=1 asks for it.

    Gives what ends the process: with `BAD_INPUT` where it is an `InputError` or memory was too small, else `DEFECT`.
    """
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    if isinstance(error, InputError):
        return end(str(error))
    # Errors of other processes bring their traceback in their text, whose last line says what they are about.
    said = ([line.strip() for line in str(error).splitlines() if line.strip()] or ["nothing is said"])[-1]
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's is a RuntimeError
        return end(f"out of memory: {said}; set a smaller batch_size, or smaller images")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_PACKAGE)]
    where = [f"in {Path(frame.filename).relative_to(_PACKAGE.parent)}, line {frame.lineno}" for frame in frames[-1:]]
    what = " ".join([f"{type(error).__name__}: {said}", *where])
    return end(f"this is a defect of hpa_lit: {what}; {DEBUG}=1 shows the traceback, please report it", DEFECT)


def meant(word: str, known: Iterable[str]) -> str:
    """``: did you mean images?`` for image, where a known word is like it; else nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def check_whole(name: str, value: object, least: int) -> None:
    """Raise `InputError` unless the value of a setting is a whole number from `least` on."""
    if not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value}: give a whole number from {least} on")


def mistakes(error: "ValidationError") -> list[str]:
    """What pydantic found wrong in a file of somebody's, each with its place there."""
    found = error.errors(include_url=False)
    return [": ".join(filter(None, [".".join(map(str, each["loc"])), each["msg"]])) for each in found]


def listing(offenders: Sequence[str]) -> str:
    """The first 20 offenders, a line each, then how many more there are."""
    lines = [f"  {offender}" for offender in offenders[:SHOWN]]
    if len(offenders) > SHOWN:
        lines.append(f"  and {len(offenders) - SHOWN} more")
    return "\n".join(lines)
