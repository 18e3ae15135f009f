"""How far long work has come: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Never, TypeVar

from tqdm import tqdm

EVERY = 60.0  # seconds between lines
Item = TypeVar("Item")


class Progress:
    """Says on standard error how far work has come: in a bar on a terminal, elsewhere in a line a minute.

    Args:
        what: The work, such as ``resize train``.
        total: How many there are to do.
        unit: Of what.
        silent: Say nothing, as for a rank that is not the first.
    """

    def __init__(self, what: str, total: int, unit: str = "images", silent: bool = False) -> None:
        self.what, self.total, self.unit, self.silent = what, total, unit, silent
        self.bar = bar(what, total, unit.removesuffix("s"), silent)
        self.done, self.begun = 0, time.monotonic()
        self.said = self.begun

    def update(self, more: int = 1) -> None:
        """Count what was done since."""
        self.bar.update(more)
        self.done += more
        now = time.monotonic()
        if self.bar.disable and not self.silent and now - self.said >= EVERY:
            self.said = now
            left = (now - self.begun) / self.done * (self.total - self.done)
            counts = f"{self.done:,} of {self.total:,} {self.unit}"
            print(f"{self.what}: {counts}, {duration(now - self.begun)}, left {duration(left)}", file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()


def progress(items: Iterable[Item], what: str, total: int, unit: str = "images") -> Iterator[Item]:
    """The same items, saying how many of them were gone through; see `Progress`."""
    with closing(Progress(what, total, unit)) as shown:
        for item in items:
            yield item
            shown.update()


def bar(what: str, total: float, unit: str, silent: bool = False) -> "tqdm[Never]":
    """A bar on standard error, as wide as its terminal and there for as long as the work takes; none elsewhere."""
    return tqdm(
        None,
        desc=what,
        total=total,
        unit=unit,
        disable=silent or None,  # None: where there is no terminal
        leave=False,
        delay=1,
        mininterval=0.5,
        dynamic_ncols=True,
    )


def duration(seconds: float) -> str:
    """Seconds in words that suit how many they are: ``8 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
