"""The loss that the classifiers train with: half of focal + symmetric Lovasz + hard log."""

from torch import Tensor, nn

from hpa_lit.losses.focal import focal_loss
from hpa_lit.losses.hard_log import hard_log_loss
from hpa_lit.losses.lovasz import symmetric_lovasz_loss


def combined_loss(
    logits: Tensor, target: Tensor, focal: float = 0.5, lovasz: float = 0.5, hard_log: float = 0.5
) -> Tensor:
    """Weighted sum of `focal_loss`, `symmetric_lovasz_loss` and `hard_log_loss`.

    Args:
        logits: Shape (N, K); N is the whole batch over all devices.
        target: Shape (N, K), 0 or 1.
        focal: Weight of the focal loss.
        lovasz: Weight of the symmetric Lovasz loss.
        hard_log: Weight of the hard-example log loss.

    Returns:
        Scalar in at least float32.
    """
    return (
        focal * focal_loss(logits, target)
        + lovasz * symmetric_lovasz_loss(logits, target)
        + hard_log * hard_log_loss(logits, target)
    )


class CombinedLoss(nn.Module):
    """`combined_loss` as a module."""

    def __init__(self, focal: float = 0.5, lovasz: float = 0.5, hard_log: float = 0.5) -> None:
        super().__init__()
        self.focal, self.lovasz, self.hard_log = focal, lovasz, hard_log

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (N, K) against 0/1 targets (N, K)."""
        return combined_loss(logits, target, self.focal, self.lovasz, self.hard_log)
