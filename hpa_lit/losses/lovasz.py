"""Lovasz hinge (Berman et al. 2018, arXiv:1705.08790) over the batch, a label at a time, made symmetric."""

import torch
from torch import Tensor, nn

from hpa_lit.losses.multilabel import prepare


def symmetric_lovasz_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Half the Lovasz hinge of (z, t) plus half that of (-z, 1 - t), averaged over labels.

    Both have the errors 1 - z(2t - 1), so one sort serves both.

    Args:
        logits: Shape (N, K). The N images of a label are taken as one set.
        target: Shape (N, K), 0 or 1.

    Returns:
        Scalar in at least float32.
    """
    logits, target = prepare(logits, target)
    errors, order = torch.sort(1 - logits * (2 * target - 1), dim=0, descending=True)
    target = target.gather(0, order)
    weights = (_jaccard_steps(target) + _jaccard_steps(1 - target)) / 2
    return (errors.relu() * weights).sum(dim=0).mean()


def _jaccard_steps(target: Tensor) -> Tensor:
    """How much the Jaccard loss of a label grows with each image that is got wrong, in the given order (N, K)."""
    positives = target.sum(dim=0)
    missed = target.cumsum(dim=0)
    wrongly_given = (1 - target).cumsum(dim=0)
    jaccard = 1 - (positives - missed) / (positives + wrongly_given)
    return torch.cat([jaccard[:1], jaccard.diff(dim=0)])


class SymmetricLovaszLoss(nn.Module):
    """`symmetric_lovasz_loss` as a module."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return symmetric_lovasz_loss(logits, target)
