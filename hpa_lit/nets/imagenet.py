"""Files of ImageNet weights, whose tensors bear the names of whoever trained them: mapped to timm's."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hpa_lit.nets.state_files import Weights, check_fit

# Of EfficientNet-PyTorch, which numbers its blocks through: outside of them, within them, and within those of the first
# stage, which do not widen what they get and so have one convolution and one norm less.
EFFICIENTNET = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand", "_depthwise_conv": "conv_dw"}
WIDENING = SQUEEZE | {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
NARROW = SQUEEZE | {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def load_imagenet(net: Any, weights: Weights) -> None:
    """Load ImageNet weights, timm's, torchvision's or EfficientNet-PyTorch's.

    Args:
        net: A timm network without its last layer, with a first convolution of three channels; filled in place.
        weights: A file's. Its last layer, and layers that only help a training, are left out.

    Raises:
        InputError: They are of another network.
    """
    state = weights.tensors
    state = _of_efficientnet(state, net) if "_conv_stem.weight" in state else _of_torchvision(state)
    unused = tuple(f"{layer}." for layer in (*layers(net, "classifier"), "AuxLogits"))
    state = {key: value for key, value in state.items() if not key.startswith(unused)}
    expected = net.state_dict()
    for key, tensor in expected.items():
        if key.endswith("num_batches_tracked"):  # files from before torch 0.4.1 lack it, and nothing here uses it
            state.setdefault(key, tensor)
    check_fit(expected, state, f"{weights.name} (ImageNet weights)")
    net.load_state_dict(state)


def layers(net: Any, role: str) -> tuple[str, ...]:
    """What timm names as the ``classifier`` or the ``first_conv`` of a network."""
    names: str | tuple[str, ...] = net.pretrained_cfg[role]
    return (names,) if isinstance(names, str) else names


def _of_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Its published DenseNet files still write norm.1 for norm1; all else is as timm has it."""
    return {re.sub(r"\b(norm|conv)\.([12])\.", r"\1\2.", key): tensor for key, tensor in state.items()}


def _of_efficientnet(state: Mapping[str, Tensor], net: Any) -> dict[str, Tensor]:
    names = dict(EFFICIENTNET)
    blocks = [
        (f"blocks.{s}.{b}", block)
        for s, stage in enumerate(getattr(net, "blocks", ()))
        for b, block in enumerate(stage)
    ]
    for number, (place, block) in enumerate(blocks):
        layers = WIDENING if hasattr(block, "conv_pwl") else NARROW
        names |= {f"_blocks.{number}.{theirs}": f"{place}.{ours}" for theirs, ours in layers.items()}
    renamed = {}
    for key, tensor in state.items():
        layer, _, parameter = key.rpartition(".")
        renamed[f"{names.get(layer, layer)}.{parameter}"] = tensor
    return renamed
