"""A learning rate that changes at some epochs and stays in between."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpa_lit.errors import InputError


@dataclass(frozen=True)
class Stepped:
    """A rate from each of some epochs on; the last one persists.

    Args:
        rates: Pairs (first epoch, rate), epochs from 1 on and ascending.

    Raises:
        InputError: The pairs are not so; names the first that is not.
    """

    rates: Sequence[tuple[int, float]]

    def __post_init__(self) -> None:
        before = 0
        if not self.rates:
            raise InputError("scheduler.rates is empty: give pairs [first epoch, rate]")
        for pair in self.rates:
            if len(pair) != 2 or not isinstance(pair[0], int) or not (math.isfinite(pair[1]) and pair[1] > 0):
                raise InputError(f"scheduler.rates: {list(pair)} is no pair [first epoch, rate] such as [26, 15.0e-5]")
            if pair[0] <= before or (before == 0 and pair[0] != 1):
                raise InputError(f"scheduler.rates: epoch {pair[0]}: the first epoch is 1, and the others ascend")
            before = pair[0]

    def __call__(self, epoch: int) -> float:
        """The rate of an epoch, counted from 1."""
        if epoch < 1:
            raise InputError(f"epoch {epoch}: epochs count from 1")
        return [rate for first, rate in self.rates if first <= epoch][-1]
