"""The head that all networks share, from the last feature map to one vector an image; and of bags of them."""

from typing import Literal

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


class GeneralisedMean(nn.Module):
    """The mean over all positions of a feature map with a learnt exponent (Radenovic et al. 2018, arXiv:1711.02512).

    At 1 it is the average, and towards infinity the maximum. Values below `least`, the negative ones of networks that
    do not end in a ReLU too, are taken as `least`.

    Args:
        exponent: Where it starts, the same for all channels.
        least: Smallest value, whose powers still have a slope.
    """

    def __init__(self, exponent: float = 3.0, least: float = 1e-6) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor(exponent))
        self.least = least

    def forward(self, maps: Tensor) -> Tensor:
        """Map a feature map (N, D, h, w) to (N, D), in at least float32: half precision does not hold the powers."""
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32)).clamp(min=self.least)
        return maps.pow(self.exponent).mean((2, 3)).pow(1 / self.exponent)


class PoolingHead(nn.Module):
    """Average and maximum over all positions, then one hidden layer; batch norm and dropout before each linear layer.

    The linear layer that follows is the caller's.

    Args:
        width: Channels D of the feature map.
        dropout: Rates before the hidden layer and after it.
        map_pool: gem takes the `GeneralisedMean` in place of average and maximum, half as many numbers.

    Attributes:
        learnt: What of the pooling is learnt; None where a feature map is pooled alike throughout a training.
    """

    def __init__(self, width: int, dropout: tuple[float, float], map_pool: Literal["gem"] | None = None) -> None:
        super().__init__()
        self.learnt = GeneralisedMean() if map_pool else None
        pooled = width if map_pool else 2 * width
        self.norm1 = nn.BatchNorm1d(pooled)
        self.dropout1 = nn.Dropout(dropout[0])
        self.linear1 = nn.Linear(pooled, width)
        self.norm2 = nn.BatchNorm1d(width)
        self.dropout2 = nn.Dropout(dropout[1])

    def forward(self, maps: Tensor) -> Tensor:
        """Map a feature map (N, D, h, w) to (N, D)."""
        return self.from_pooled(self.pool(maps))

    def pool(self, maps: Tensor) -> Tensor:
        """Average and maximum, (N, 2 D), of a feature map (N, D, h, w); or its generalised mean, (N, D)."""
        if self.learnt is not None:
            mean: Tensor = self.learnt(maps)
            return mean
        # amax, unlike max pooling, has a deterministic gradient on a GPU.
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def from_pooled(self, pooled: Tensor) -> Tensor:
        """Map what `pool` gave to (N, D)."""
        hidden = F.relu(self.linear1(self.dropout1(self.norm1(pooled))))
        features: Tensor = self.dropout2(self.norm2(hidden))
        return features
