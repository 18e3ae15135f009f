"""The head that all networks share, from the last feature map to one vector an image; and of bags of them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AttentionPool(nn.Module):
    """The vectors of a bag to one, each by its weight: gated attention (Ilse, Tomczak and Welling, ICML 2018).

    Args:
        width: Of the vectors.
        hidden: Of the layer that weighs them.
    """

    def __init__(self, width: int, hidden: int = 128) -> None:
        super().__init__()
        self.content, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.weight = nn.Linear(hidden, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map N bags of B vectors, (N, B, D), to (N, D)."""
        weight = self.weight(torch.tanh(self.content(vectors)) * torch.sigmoid(self.gate(vectors)))
        pooled: Tensor = (weight.softmax(dim=1) * vectors).sum(dim=1)
        return pooled


class PoolingHead(nn.Module):
    """Average and maximum over all positions, then one hidden layer; batch norm and dropout before each linear layer.

    The linear layer that follows is the caller's.

    Args:
        width: Channels D of the feature map.
        dropout: Rates before the hidden layer and after it.
    """

    def __init__(self, width: int, dropout: tuple[float, float]) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm1d(2 * width)
        self.dropout1 = nn.Dropout(dropout[0])
        self.linear1 = nn.Linear(2 * width, width)
        self.norm2 = nn.BatchNorm1d(width)
        self.dropout2 = nn.Dropout(dropout[1])

    def forward(self, maps: Tensor) -> Tensor:
        """Map a feature map (N, D, h, w) to (N, D)."""
        return self.from_pooled(self.pool(maps))

    def pool(self, maps: Tensor) -> Tensor:
        """Average and maximum, (N, 2 D), of a feature map (N, D, h, w)."""
        # amax, unlike max pooling, has a deterministic gradient on a GPU.
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def from_pooled(self, pooled: Tensor) -> Tensor:
        """Map what `pool` gave to (N, D)."""
        hidden = F.relu(self.linear1(self.dropout1(self.norm1(pooled))))
        features: Tensor = self.dropout2(self.norm2(hidden))
        return features
