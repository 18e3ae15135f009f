"""The two networks: the classifier of locations, and the embedder whose features find look-alikes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpa_lit.errors import InputError
from hpa_lit.nets.backbone import Backbone, build_backbone
from hpa_lit.nets.heads import AttentionPool, PoolingHead
from hpa_lit.nets.state_files import Weights

# Of the competition's train and test images, pixel / 255, in the order red, green, blue, yellow (method 2.8).
CHANNEL_MEAN = (0.074598, 0.050630, 0.050891, 0.076287)
CHANNEL_STD = (0.122813, 0.085745, 0.129882, 0.119411)

EMBEDDING = 512


class Classifier(nn.Module):
    """Images to one logit a label (method 3).

    Its channel statistics are part of its state dict, so that a checkpoint answers alike wherever it is loaded.

    Args:
        backbone: Normalised images to feature maps.
        num_classes: Number of labels K.
        mean: Per channel, of pixels 0..1.
        std: Per channel, of pixels 0..1.
        dropout: Rates before and after the hidden layer.
        pool: What makes one vector of the cells of a field: attention; None takes single images alone. An image alone
            is a bag of one, which attention leaves as it is.
        map_pool: What makes one vector of the positions of a feature map, see `PoolingHead`.
    """

    statistics: Tensor

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        mean: Sequence[float],
        std: Sequence[float],
        dropout: tuple[float, float],
        pool: Literal["attention"] | None = None,
        map_pool: Literal["gem"] | None = None,
    ) -> None:
        super().__init__()
        # Two parts each, what float32 holds and its remainder: moved to float64, the network still subtracts the
        # given numbers and not their float32 roundings.
        values = torch.tensor([mean, std], dtype=torch.float64)
        self.register_buffer("statistics", torch.stack([values.float(), (values - values.float()).float()]))
        self.num_features = backbone.num_features
        self.backbone = backbone
        self.head = PoolingHead(self.num_features, dropout, map_pool)
        self.pool = None if pool is None else AttentionPool(self.num_features)
        self.classifier = nn.Linear(self.num_features, num_classes)
        self.register_load_state_dict_pre_hook(_rename_output)  # type: ignore[no-untyped-call]

    def forward_features(self, images: Tensor) -> Tensor:
        """Last feature map (N, D, h, w) of images as `forward` takes them."""
        mean, std = self.statistics.sum(0)[:, :, None, None]
        maps: Tensor = self.backbone((_unit_range(images, mean.dtype) - mean) / std)
        return maps

    def pooled(self, images: Tensor) -> Tensor:
        """All that the head sees of images as `forward` takes them: pooled last feature maps, (N, 2 D) or (N, D)."""
        return self.head.pool(self.forward_features(images))

    def from_pooled(self, pooled: Tensor) -> Tensor:
        """Map what `pooled` gave to logits (N, K)."""
        logits: Tensor = self.classifier(self.head.from_pooled(pooled))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Vectors before the last linear layer, (N, num_features), of images as `forward` takes them."""
        if images.ndim == 5:
            if self.pool is None:
                raise InputError("this network sees single images: arch.pool=attention makes one of bags of cells")
            bags: Tensor = self.pool(self.features(images.flatten(0, 1)).view(*images.shape[:2], -1))
            return bags
        features: Tensor = self.head(self.forward_features(images))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) or bags of cells (N, B, C, H, W), uint8 0..255 or floating 0..1, to logits (N, K)."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class Embedder(nn.Module):
    """Images to a 512-d feature and its cosines with one learnt direction a class (method 3; ArcFace).

    Args:
        backbone: Images 0..1 to feature maps.
        num_classes: Number of classes K, one an antibody.
        dropout: Rates before and after the hidden layer.
        map_pool: What makes one vector of the positions of a feature map, see `PoolingHead`.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        dropout: tuple[float, float],
        map_pool: Literal["gem"] | None = None,
    ) -> None:
        super().__init__()
        self.num_features = EMBEDDING
        self.backbone = backbone
        self.head = PoolingHead(backbone.num_features, dropout, map_pool)
        self.embedding = nn.Linear(backbone.num_features, EMBEDDING)
        self.norm = nn.BatchNorm1d(EMBEDDING)
        bound = 1 / math.sqrt(EMBEDDING)
        self.class_weight = nn.Parameter(torch.empty(num_classes, EMBEDDING).uniform_(-bound, bound))

    def forward_features(self, images: Tensor) -> Tensor:
        """Last feature map (N, D, h, w) of images as `forward` takes them."""
        maps: Tensor = self.backbone(_unit_range(images, self.class_weight.dtype))
        return maps

    def pooled(self, images: Tensor) -> Tensor:
        """All that the head sees of images as `forward` takes them: pooled last feature maps, (N, 2 D) or (N, D)."""
        return self.head.pool(self.forward_features(images))

    def from_pooled(self, pooled: Tensor) -> Tensor:
        """Map what `pooled` gave to cosines (N, K)."""
        return self._cosines(self.norm(self.embedding(self.head.from_pooled(pooled))))

    def features(self, images: Tensor) -> Tensor:
        """Features (N, 512), not L2-normalised, of images as `forward` takes them."""
        features: Tensor = self.norm(self.embedding(self.head(self.forward_features(images))))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W), uint8 0..255 or floating 0..1, to cosines (N, K)."""
        return self._cosines(self.features(images))

    def _cosines(self, features: Tensor) -> Tensor:
        # The margin works on angles, which half precision cannot tell apart near 0.
        with torch.autocast(features.device.type, enabled=False):
            return F.linear(F.normalize(features.to(self.class_weight.dtype)), F.normalize(self.class_weight))


def build_classifier(
    arch: str,
    num_classes: int = 28,
    in_channels: int = 4,
    pretrained: bool = False,
    weights: str | Path | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    dropout: tuple[float, float] = (0.5, 0.5),
    options: Mapping[str, Any] | None = None,
    freeze: bool = False,
    pool: Literal["attention"] | None = None,
    map_pool: Literal["gem"] | None = None,
) -> Classifier:
    """Build a classifier.

    Args:
        arch: densenet121, densenet121_large, inceptionv3, resnet34, resnet18, resnet50_arcface, or ``timm/`` and the
            name of any timm network.
        num_classes: Number of labels.
        in_channels: Channels of the images, red, green, blue and yellow first.
        pretrained: Start with ImageNet weights, fetched by timm.
        weights: File of weights to start with instead: of ImageNet, timm's, torchvision's or EfficientNet-PyTorch's, or
            of a network that was trained here, whose head goes on too where it fits: its last layer does where there
            are as many labels.
        mean: Per channel, of pixels 0..1; None takes `CHANNEL_MEAN`.
        std: Per channel, of pixels 0..1; None takes `CHANNEL_STD`.
        dropout: Rates before and after the hidden layer.
        options: More arguments of the timm network.
        freeze: Train the head alone, on a backbone that keeps the weights it starts with and is never in training
            mode.
        pool: What makes one answer of the cells of a field, see `Classifier`.
        map_pool: What makes one vector of the positions of the last feature map, see `PoolingHead`.

    Raises:
        InputError: There is no such arch, its weights cannot be had, random weights were to be frozen, or the
            statistics do not fit the channels.
    """
    mean = CHANNEL_MEAN[:in_channels] if mean is None else mean
    std = CHANNEL_STD[:in_channels] if std is None else std
    if len(mean) != in_channels or len(std) != in_channels or min(std) <= 0:
        raise InputError(f"{in_channels} channels need as many means and positive deviations: mean={mean}, std={std}")
    given = None if weights is None else Weights.read(Path(weights))
    backbone = build_backbone(arch, in_channels, pretrained, given, options, freeze)
    net = Classifier(backbone, num_classes, mean, std, dropout, pool, map_pool)
    if given:
        _start_head(net, given)
    return net


def build_embedder(
    arch: str,
    num_classes: int,
    in_channels: int = 4,
    pretrained: bool = False,
    weights: str | Path | None = None,
    dropout: tuple[float, float] = (0.0, 0.0),
    options: Mapping[str, Any] | None = None,
    freeze: bool = False,
    map_pool: Literal["gem"] | None = None,
) -> Embedder:
    """Build an embedder; arguments and errors as for `build_classifier`."""
    given = None if weights is None else Weights.read(Path(weights))
    backbone = build_backbone(arch, in_channels, pretrained, given, options, freeze)
    net = Embedder(backbone, num_classes, dropout, map_pool)
    if given:
        _start_head(net, given)
    return net


def _start_head(net: nn.Module, weights: Weights) -> None:
    """Let what stands on the backbone go on from a training here: each tensor that has the shape of its namesake."""
    own = {
        key: tensor
        for key, tensor in net.state_dict().items()
        if not key.startswith("backbone.") and key != "statistics"
    }
    trained = weights.trained
    rename_output(trained)
    net.load_state_dict(
        {key: trained[key] for key, tensor in own.items() if key in trained and trained[key].shape == tensor.shape},
        strict=False,
    )


def rename_output(state: dict[str, Any], prefix: str = "") -> None:
    """Give the last layer its name of today in a state dict from before version 0.2, which calls it output."""
    for name in ("weight", "bias"):
        if f"{prefix}output.{name}" in state:
            state[f"{prefix}classifier.{name}"] = state.pop(f"{prefix}output.{name}")


def _rename_output(net: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    rename_output(state, prefix)


def _unit_range(images: Tensor, dtype: torch.dtype) -> Tensor:
    if images.dtype == torch.uint8:
        return images.to(dtype) / 255
    if not images.is_floating_point():
        raise InputError(f"images are {images.dtype}: give uint8 from 0 to 255, or floating point from 0 to 1")
    return images.to(dtype)
