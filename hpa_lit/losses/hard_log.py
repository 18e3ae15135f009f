"""Log loss over all positives and the hardest negatives of each label (method 4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hpa_lit.losses.multilabel import prepare


def hard_log_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Per label the mean cross entropy of its P positives and k hardest negatives, averaged over labels.

    Of n negatives those with the k largest logits count, k = min(n, P + max(2, n // 2), int(0.7 n) + 2).

    Args:
        logits: Shape (N, K). The N images of a label are ranked together.
        target: Shape (N, K), 0 or 1.

    Returns:
        Scalar in at least float32.
    """
    logits, target = prepare(logits, target)
    positive = target > 0
    positives = positive.sum(dim=0)
    negatives = len(target) - positives
    # The product is taken in double precision: int(0.7 * 90) is 62.
    most = (negatives.double() * 0.7).long() + 2
    kept = torch.minimum(torch.minimum(positives + (negatives // 2).clamp(min=2), most), negatives)

    hardest = logits.masked_fill(positive, -torch.inf).sort(dim=0, descending=True).values
    rank = torch.arange(len(target), device=logits.device).unsqueeze(1)
    of_negatives = F.softplus(hardest).where(rank < kept, 0.0).sum(dim=0)
    of_positives = F.softplus(-logits).where(positive, 0.0).sum(dim=0)
    return ((of_positives + of_negatives) / (positives + kept)).mean()


class HardLogLoss(nn.Module):
    """`hard_log_loss` as a module."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return hard_log_loss(logits, target)
