"""All that is asked of a network, in one pass."""

from typing import Any

from torch import Tensor, nn


class Answering(nn.Module):
    """Images (N, C, H, W) uint8 to probabilities (N, K) and features (N, D); of an embedder to features alone.

    Args:
        net: The network, with `features`, and `classifier` where it has labels.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net: Any = net
        self.outputs = ("probabilities", "features") if hasattr(net, "classifier") else ("features",)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Answers, one for each of `outputs`."""
        features: Tensor = self.net.features(images)
        if self.outputs == ("features",):
            return (features,)
        return self.net.classifier(features).float().sigmoid(), features
