"""A learning rate that rises in a line and falls in half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983)."""

import math
from dataclasses import dataclass

from hpa_lit.errors import InputError, check_whole


@dataclass(frozen=True)
class WarmupCosine:
    """Some epochs of equal steps up to a rate, then half a cosine down to a share of it, which persists.

    Args:
        rate: The highest rate, that of epoch `warmup` + 1.
        last: The epoch that has the lowest.
        warmup: Epochs below the highest rate: rate / (warmup + 1), 2 rate / (warmup + 1), ...
        final: The lowest rate as a share of the highest, 0..1.

    Raises:
        InputError: A number is out of its range, or the warm-up leaves no epoch.
    """

    rate: float
    last: int
    warmup: int = 3
    final: float = 0.01

    def __post_init__(self) -> None:
        check_whole("scheduler.epochs", self.last, 1)
        check_whole("scheduler.warmup", self.warmup, 0)
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise InputError(f"scheduler.rate={self.rate}: give a number above 0, such as 1e-3")
        if not 0 <= self.final <= 1:
            raise InputError(f"scheduler.final={self.final}: give a number from 0 to 1, such as 0.01")
        if self.warmup >= self.last:
            raise InputError(
                f"scheduler.warmup={self.warmup} leaves none of {self.last} epochs at the full rate: set it lower, or "
                "scheduler.epochs higher"
            )

    def __call__(self, epoch: int) -> float:
        """The rate of an epoch, counted from 1."""
        if epoch < 1:
            raise InputError(f"epoch {epoch}: epochs count from 1")
        if epoch <= self.warmup:
            return self.rate * epoch / (self.warmup + 1)
        falls = max(self.last - self.warmup - 1, 1)  # epochs after the highest rate
        turned = math.pi * min(epoch - self.warmup - 1, falls) / falls
        return self.rate * (self.final + (1 - self.final) * (1 + math.cos(turned)) / 2)
