"""Trying what anyone may have written before a training starts with it."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hpa_lit.errors import InputError


def try_loss(
    loss: Callable[[Tensor, Tensor], Tensor], num_classes: int, targets: Literal["labels", "antibodies"]
) -> None:
    """Try a loss on two images.

    Args:
        loss: From scores (N, K) and labels (N, K) uint8, or antibody codes (N,) int64, to a scalar.
        num_classes: K.
        targets: Which of the two it sees.

    Raises:
        InputError: It does not give a number that has a gradient.
    """
    scores, codes = torch.zeros((2, num_classes), requires_grad=True), torch.arange(2) % num_classes
    target = codes if targets == "antibodies" else torch.eye(num_classes, dtype=torch.uint8)[codes]
    try:
        loss(scores, target).backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a loss of others raises
        raise InputError(
            f"loss: it must give a number for scores {tuple(scores.shape)} and {targets} {tuple(target.shape)}; "
            f"it raises {type(error).__name__}: {error}"
        ) from error


def try_rates(
    optimizer: Callable[..., Optimizer],
    rate: Callable[[int], float] | None = None,
    scheduler: Callable[[Optimizer], LRScheduler] | None = None,
) -> None:
    """Try an optimizer and its schedule, as `TrainingTask` takes them, on one parameter.

    Raises:
        InputError: They do not take their arguments.
    """
    try:
        tried = optimizer([nn.Parameter(torch.zeros(1))], **({"lr": rate(1)} if rate else {}))
    except Exception as error:  # whatever one of others raises
        raise InputError(f"optimizer: it cannot be made: {type(error).__name__}: {error}") from error
    if scheduler is not None:
        try:
            schedule = scheduler(tried)
            tried.step()
            schedule.step()
        except Exception as error:
            raise InputError(f"scheduler: it cannot take a step an epoch: {type(error).__name__}: {error}") from error
