"""Backbones: timm networks up to their last feature map, with a first convolution as wide as the image."""

import difflib
from collections.abc import Mapping
from typing import Any, Self

import httpx
import timm
from torch import Tensor, nn

from hpa_lit.errors import InputError
from hpa_lit.nets.imagenet import layers, load_imagenet
from hpa_lit.nets.state_files import Weights, check_fit

# The tv_in1k weights are torchvision's, with which the reference starts. From random weights it starts as torchvision
# does: unlike timm's own way, no residual branch begins as nothing (benchmarks/README.md, learning).
AS_TORCHVISION = {"zero_init_last": False}
ARCHS = {
    "densenet121": "densenet121.tv_in1k",
    "densenet121_large": "densenet121.tv_in1k",
    "inceptionv3": "inception_v3.tv_in1k",
    "resnet34": "resnet34.tv_in1k",
    "resnet18": "resnet18.tv_in1k",
    "resnet50_arcface": "resnet50.tv_in1k",
}
TIMM = "timm/"  # before any other timm network's name
FILE_OPTIONS = {"checkpoint_path", "cache_dir", "pretrained_cfg", "pretrained_cfg_overlay"}


class Backbone(nn.Module):
    """A timm network whose output is its last feature map, (N, num_features, h, w).

    Attributes:
        frozen: Whether it stays as it is while what stands on it trains, see `freeze`.
    """

    frozen = False

    def __init__(self, net: nn.Module, num_features: int) -> None:
        super().__init__()
        self.net: Any = net
        self.num_features = num_features

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, C, H, W) to the last feature map."""
        maps: Tensor = self.net.forward_features(images)
        return maps

    def freeze(self) -> None:
        """Let nothing train in it: no weight gets a gradient, and batch norm and dropout stay as in evaluation."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Train, or evaluate; frozen, only the latter."""
        return super().train(mode and not self.frozen)


class TimmBackbone(Backbone):
    """The same for any family: timm turns channels-last maps and tokens into (N, num_features, h, w)."""

    def __init__(self, net: Any) -> None:
        # Layers behind the last map would never get a gradient, which DistributedDataParallel refuses.
        net.prune_intermediate_layers(1, prune_norm=False, prune_head=True)
        super().__init__(net, net.feature_info[-1]["num_chs"])

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, C, H, W) to the last feature map."""
        maps: Tensor = self.net.forward_intermediates(images, indices=1, norm=True, intermediates_only=True)[0]
        return maps


def build_backbone(
    arch: str,
    in_channels: int,
    pretrained: bool,
    weights: Weights | None,
    options: Mapping[str, Any] | None,
    freeze: bool,
) -> Backbone:
    """Build a backbone.

    Args:
        arch: A name of `ARCHS`, or ``timm/`` and the name of a timm network.
        in_channels: Channels of the images. The first convolution has three, and those beyond are copies of the red
            one, nothing rescaled (method 3).
        pretrained: Start with timm's ImageNet weights.
        weights: Start with these instead: of ImageNet, see `load_imagenet`, or of a network with such a backbone that
            was trained here, a checkpoint or a bundle.
        options: More arguments of the timm network, such as ``img_size`` of a transformer.
        freeze: Let nothing train in it.

    Raises:
        InputError: There is no such network, its weights cannot be fetched, the file does not fit, or random weights
            were to be frozen.
    """
    _check_options(options or {})
    if freeze and not pretrained and weights is None:
        raise InputError(
            "arch.freeze=true keeps the weights that a backbone starts with, and it starts with random ones: "
            "give a file by arch.weights=FILE, let timm fetch them by arch.pretrained=true, or set arch.freeze=false"
        )
    random = AS_TORCHVISION if arch.startswith("resnet") else {}
    net = _create(_timm_name(arch), pretrained and weights is None, random | dict(options or {}))
    trained = weights.trained if weights else {}
    if weights and not trained:
        load_imagenet(net, weights)
    _widen(net, in_channels)
    backbone = _with_maps(net, arch)
    if weights and trained:
        own = {key.removeprefix("backbone."): value for key, value in trained.items() if key.startswith("backbone.")}
        check_fit(backbone.state_dict(), own, f"{weights.name} (weights of a training)")
        backbone.load_state_dict(own)
    if freeze:
        backbone.freeze()
    return backbone


def _with_maps(net: Any, arch: str) -> Backbone:
    if arch.startswith(TIMM):
        if not hasattr(net, "prune_intermediate_layers"):
            raise InputError(f"{arch} has no feature map to put a head on: choose another network")
        return TimmBackbone(net)
    if arch == "densenet121_large":
        net.features.pool0 = nn.Sequential(net.features.pool0, nn.MaxPool2d(2, 2))
    elif arch in ("resnet34", "resnet18"):
        net.maxpool = nn.MaxPool2d(2, 2)
    return Backbone(net, net.num_features)


def _timm_name(arch: str) -> str:
    if arch in ARCHS:
        return ARCHS[arch]
    name = arch.removeprefix(TIMM)
    if arch.startswith(TIMM) and timm.is_model(name):
        return name
    known = [*ARCHS, *(TIMM + model for model in timm.list_models())]
    near = difflib.get_close_matches(arch, known) or difflib.get_close_matches(TIMM + name, known)
    hint = f" Near: {', '.join(near)}." if near else ""
    raise InputError(f"there is no arch {arch!r}.{hint} Valid: {', '.join(ARCHS)}, or {TIMM}<name of a timm network>")


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse options by which timm would read weights from files of its own choice: a checkpoint names them."""
    if unsafe := FILE_OPTIONS & options.keys():
        raise InputError(f"arch.options cannot hold {', '.join(sorted(unsafe))}: weights come from arch.weights=FILE")


def _create(name: str, pretrained: bool, options: Mapping[str, Any]) -> Any:
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
    except (OSError, httpx.HTTPError, RuntimeError, TypeError) as error:
        if not pretrained or isinstance(error, TypeError):
            raise InputError(f"timm cannot build {name} with options {dict(options)}: {error}") from error
        raise InputError(
            f"the ImageNet weights of {name} cannot be fetched ({type(error).__name__}: {error}). Start from random "
            "weights with arch.pretrained=false, or give a file of them with arch.weights=PATH"
        ) from error


def _widen(net: Any, in_channels: int) -> None:
    source = [channel if channel < 3 else 0 for channel in range(in_channels)]
    for name in layers(net, "first_conv"):
        conv = net.get_submodule(name)
        if not isinstance(conv, nn.Conv2d) or conv.in_channels != 3:
            raise InputError(
                f"{net.pretrained_cfg['architecture']} does not begin with a convolution of three channels"
            )
        conv.weight = nn.Parameter(conv.weight.detach()[:, source])
        conv.in_channels = in_channels
