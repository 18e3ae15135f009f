"""Binary cross entropy over many labels, with label smoothing (Szegedy et al. 2016, arXiv:1512.00567)."""

import torch.nn.functional as F
from torch import Tensor, nn

from hpa_lit.errors import InputError
from hpa_lit.losses.multilabel import prepare


def bce_loss(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy, summed over labels, averaged over images.

    Args:
        logits: Shape (N, K).
        target: Shape (N, K), 0 or 1.
        smoothing: Target t becomes t (1 - smoothing) + smoothing / 2, so that no answer has to be certain.

    Returns:
        Scalar in at least float32.
    """
    logits, target = prepare(logits, target)
    target = target * (1 - smoothing) + smoothing / 2
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(dim=1).mean()


class BCELoss(nn.Module):
    """`bce_loss` as a module.

    Raises:
        InputError: Smoothing is no share below 1, where nothing would be left of the target.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise InputError(f"loss.smoothing={smoothing}: give a number from 0 to less than 1, such as 0.1")
        self.smoothing = smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return bce_loss(logits, target, self.smoothing)
