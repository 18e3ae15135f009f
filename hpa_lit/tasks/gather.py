"""Bringing the ranks' shares together, so that losses and metrics see what one process would see."""

import pytorch_lightning as pl
import torch
from torch import Tensor


def gather_batch(module: pl.LightningModule, share: Tensor) -> Tensor:
    """The global batch from every rank's equal share, with gradients.

    Every rank computes the same loss L on the result. The gradients that flow back to a share are summed over the
    ranks, and DDP then takes their mean over the ranks: what remains is the gradient of L, as in one process.

    Args:
        module: The module that trains.
        share: Shape (n, ...), on every rank.

    Returns:
        Shape (n * ranks, ...), the shares in order of rank.
    """
    gathered: Tensor = module.all_gather(share, sync_grads=share.requires_grad)  # type: ignore[assignment]
    return gathered.flatten(0, 1) if gathered.ndim > share.ndim else gathered  # ddp of one rank stacks it too


def gather_rows(module: pl.LightningModule, index: Tensor, *columns: Tensor) -> list[Tensor]:
    """Columns of a whole data set from the ranks' parts of it, in row order, each row once.

    Args:
        module: The module that validates.
        index: Shape (n,), the row numbers of this rank's part, as many on every rank; rows may come twice.
        columns: Shape (n, ...) each.

    Returns:
        The columns, (rows, ...) each.
    """
    rows, *parts = (gather_batch(module, part) for part in (index, *columns))
    order = rows.argsort(stable=True)
    first = torch.ones_like(rows, dtype=torch.bool)
    first[1:] = rows[order].diff() > 0
    return [part[order[first]] for part in parts]
