"""Bad input, said in one message: the culprits and the remedy."""

from collections.abc import Sequence

SHOWN = 20


class InputError(ValueError):
    """Somebody's input cannot be used. Commands print the message alone, without a traceback."""


def listing(offenders: Sequence[str]) -> str:
    """The first 20 offenders, a line each, then how many more there are."""
    lines = [f"  {offender}" for offender in offenders[:SHOWN]]
    if len(offenders) > SHOWN:
        lines.append(f"  and {len(offenders) - SHOWN} more")
    return "\n".join(lines)
