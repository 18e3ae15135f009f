"""The asymmetric loss (Ridnik et al., 2021): easy negatives weigh less, and certain ones nothing."""

from torch import Tensor, nn


class OwnLoss(nn.Module):
    def __init__(self, gamma=4.0, margin=0.05):
        super().__init__()
        self.gamma, self.margin = gamma, margin

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        target = target.float()
        probability = logits.float().sigmoid()
        negative = (probability - self.margin).clamp(min=0)
        gain = target * probability.clamp(min=1e-8).log()
        gain += (1 - target) * negative**self.gamma * (1 - negative).clamp(min=1e-8).log()
        return -gain.mean()
