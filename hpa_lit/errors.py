"""Bad input, said in one message: the culprits and the remedy."""

import sys
from collections.abc import Sequence

BAD_INPUT = 2  # the exit code of a process that `InputError` ended; a defect of ours, with its traceback, has 1
SHOWN = 20


class InputError(ValueError):
    """Somebody's input cannot be used. Commands print the message alone, without a traceback."""

    def __str__(self) -> str:
        """The message, without the traceback that torch puts before it when a loader's worker raised the error."""
        return super().__str__().rpartition(f"{__name__}.{type(self).__name__}: ")[2].rstrip()


def end(message: str) -> SystemExit:
    """Say on standard error what is wrong; gives what ends the process, with that message and `BAD_INPUT`."""
    ended = SystemExit(f"error: {message}")
    print(ended, file=sys.stderr, flush=True)
    ended.code = BAD_INPUT
    return ended


def check_whole(name: str, value: object, least: int) -> None:
    """Raise `InputError` unless the value of a setting is a whole number from `least` on."""
    if not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value}: give a whole number from {least} on")


def listing(offenders: Sequence[str]) -> str:
    """The first 20 offenders, a line each, then how many more there are."""
    lines = [f"  {offender}" for offender in offenders[:SHOWN]]
    if len(offenders) > SHOWN:
        lines.append(f"  and {len(offenders) - SHOWN} more")
    return "\n".join(lines)
