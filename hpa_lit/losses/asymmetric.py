"""Asymmetric loss (Ben-Baruch et al. 2021, arXiv:2009.14119): the many absent labels of an image weigh little."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hpa_lit.errors import InputError
from hpa_lit.losses.multilabel import prepare


def asymmetric_loss(
    logits: Tensor,
    target: Tensor,
    gamma_negative: float = 4.0,
    gamma_positive: float = 0.0,
    margin: float = 0.05,
) -> Tensor:
    """Cross entropy with an exponent for each side, summed over labels, averaged over images.

    With p the probability and q = max(p - margin, 0), a label that is there costs -(1 - p)^gamma_positive log(p), one
    that is not -q^gamma_negative log(1 - q): nothing at all where p is below the margin.

    Args:
        logits: Shape (N, K).
        target: Shape (N, K), 0 or 1.
        gamma_negative: Focusing exponent of labels that are not there.
        gamma_positive: Of those that are.
        margin: Probability up to which an absent label costs nothing.

    Returns:
        Scalar in at least float32.
    """
    logits, target = prepare(logits, target)
    there = F.logsigmoid(logits) * (gamma_positive * F.logsigmoid(-logits)).exp()
    # log(1 - q) = log(min(1 - p + margin, 1)), of logarithms: 1 - p rounds to 0 for large logits.
    absent = torch.logaddexp(F.logsigmoid(-logits), logits.new_tensor(math.log(margin) if margin else -math.inf))
    absent = absent.clamp(max=0)
    # At 0 an exponent below 1 has an infinite slope, which times the slope 0 of q would be no number.
    q = (-torch.expm1(absent)).clamp(min=torch.finfo(logits.dtype).tiny)
    loss = -(target * there + (1 - target) * q**gamma_negative * absent)
    return loss.sum(dim=1).mean()


class AsymmetricLoss(nn.Module):
    """`asymmetric_loss` as a module.

    Raises:
        InputError: An exponent is negative, or the margin is no share below 1.
    """

    def __init__(self, gamma_negative: float = 4.0, gamma_positive: float = 0.0, margin: float = 0.05) -> None:
        super().__init__()
        for name, gamma in (("gamma_negative", gamma_negative), ("gamma_positive", gamma_positive)):
            if not gamma >= 0:
                raise InputError(f"loss.{name}={gamma}: give a number from 0 on")
        if not 0 <= margin < 1:
            raise InputError(f"loss.margin={margin}: give a number from 0 to less than 1, such as 0.05")
        self.gamma_negative, self.gamma_positive, self.margin = gamma_negative, gamma_positive, margin

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return asymmetric_loss(logits, target, self.gamma_negative, self.gamma_positive, self.margin)
