"""The network that a config names."""

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, cast

import torch
from torch import Tensor, nn

from hpa_lit.errors import InputError
from hpa_lit.nets.models import build_classifier, build_embedder

OURS: dict[str, Callable[..., nn.Module]] = {
    "hpa_lit.nets.build_classifier": build_classifier,
    "hpa_lit.nets.build_embedder": build_embedder,
}


def build_net(config: Mapping[str, Any], trust: bool = False, **arguments: Any) -> nn.Module:
    """Build the network of an arch config, in training and in prediction alike.

    Args:
        config: ``_target_``, a function or class by its dotted name, and its arguments, plain values. ``arch`` is the
            network's name, and an argument of ours alone.
        trust: Build what is not ours too, which runs its code.
        arguments: More arguments: ``num_classes`` and ``in_channels``, and of a classifier ``mean`` and ``std``.

    Raises:
        InputError: The target is not ours and is not trusted, does not exist, or does not take the arguments.
    """
    target = config["_target_"]
    if target not in OURS and not trust:
        raise InputError(
            f"the network was built by {target}, which is not part of hpa_lit: set trust=true to run its code"
        )
    given = {key: value for key, value in config.items() if key != "_target_"} | arguments
    if target in OURS:
        return OURS[target](**given)
    given.pop("arch", None)
    try:
        net: nn.Module = resolve_name(target)(**given)
    except InputError:
        raise
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(
            f"arch._target_={target} cannot be built: {error}; it is called with {', '.join(given)}"
        ) from error
    if not isinstance(net, nn.Module):
        raise InputError(f"arch._target_={target} gives {type(net).__name__}, which is no torch.nn.Module")
    return net


def check_contract(net: nn.Module, num_classes: int, in_channels: int, side: int, labels: bool) -> None:
    """Try a network of somebody's own on two black images.

    It must take images (N, C, S, S) uint8 and give scores (N, K), and have `features`, images -> (N, D). One of labels
    has `classifier` besides, features -> scores (docs/extend.md).

    Args:
        net: The network.
        num_classes: K.
        in_channels: C.
        side: S.
        labels: Whether its scores are logits of labels.

    Raises:
        InputError: It does not; says what it did.
    """
    images = torch.zeros((2, in_channels, side, side), dtype=torch.uint8)
    name, was_training, model = type(net).__name__, net.training, cast(Any, net.eval())
    try:
        with torch.no_grad():
            features, scores = model.features(images), model(images)
            from_features = model.classifier(features) if labels else scores
    except Exception as error:  # whatever a network of others raises
        raise InputError(
            f"arch: {name} must have features(images) -> (N, D), forward(images) -> (N, {num_classes})"
            f"{', classifier(features) -> the same' if labels else ''}, for images (N, {in_channels}, {side}, {side}) "
            f"in uint8, 0 to 255; it raises {type(error).__name__}: {error}"
        ) from error
    finally:
        net.train(was_training)
    for what, found, width in (("features", features, None), ("forward", scores, num_classes)):
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        if len(shape) != 2 or shape[0] != 2 or width not in (None, shape[1]):
            raise InputError(f"arch: {what} of {name} must give (N, {width or 'D'}); for two images it gives {shape}")
    if not torch.allclose(from_features, scores, rtol=1e-3, atol=1e-4):
        raise InputError(f"arch: classifier(features(images)) of {name} differs from forward(images)")
