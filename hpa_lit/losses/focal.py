"""Focal loss (Lin et al. 2017, arXiv:1708.02002) for many labels, without class weights."""

import torch.nn.functional as F
from torch import Tensor, nn

from hpa_lit.losses.multilabel import prepare


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Cross entropy times (1 - probability of the truth)^gamma, summed over labels, averaged over images.

    Args:
        logits: Shape (N, K).
        target: Shape (N, K), 0 or 1.
        gamma: Focusing exponent; 0 gives the plain cross entropy.

    Returns:
        Scalar in at least float32.
    """
    logits, target = prepare(logits, target)
    margin = logits * (2 * target - 1)  # positive where the prediction is right
    loss = F.softplus(-margin) * (gamma * F.logsigmoid(-margin)).exp()
    return loss.sum(dim=1).mean()


class FocalLoss(nn.Module):
    """`focal_loss` as a module."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return focal_loss(logits, target, self.gamma)
