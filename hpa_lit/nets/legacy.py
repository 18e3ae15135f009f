"""Checkpoints of the reference: its tensor names, mapped to ours."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hpa_lit.errors import InputError, listing
from hpa_lit.nets.models import Classifier, Embedder
from hpa_lit.nets.state_files import check_fit, read_state, unwrap

HEAD = {
    "bn1": "head.norm1",
    "fc1": "head.linear1",
    "bn2": "head.norm2",
    "logit": "classifier",
    "fc2": "embedding",
    "bn3": "norm",
    "arc_margin_product.weight": "class_weight",
}
# The reference registers the layers of a backbone a second time as the stages of an encoder.
DENSENET_STAGES = {
    "conv1.0": "features.conv0",
    "conv1.1": "features.norm0",
    "encoder2.0": "features.denseblock1",
    "encoder3.0": "features.transition1",
    "encoder3.1": "features.denseblock2",
    "encoder4.0": "features.transition2",
    "encoder4.1": "features.denseblock3",
    "encoder5.0": "features.transition3",
    "encoder5.1": "features.denseblock4",
    "encoder5.2": "features.norm5",
}
RESNET_STAGES = {
    "encoder1.0": "conv1",
    "encoder1.1": "bn1",
    "encoder2": "layer1",
    "encoder3": "layer2",
    "encoder4": "layer3",
    "encoder5": "layer4",
}
NET = "backbone.net."
UNUSED = (f"{NET}fc.", f"{NET}classifier.", f"{NET}AuxLogits.")


def load_legacy(model: Classifier | Embedder, state_dict_or_path: Mapping[str, object] | str | Path) -> int:
    """Load a checkpoint of the reference into the network that answers like it.

    Args:
        model: Built by `build_classifier` or `build_embedder`; it is filled in place. A classifier keeps its channel
            statistics: the reference's files do not hold any.
        state_dict_or_path: The reference's state dict, plain or under ``state_dict``, or the file it is in.

    Returns:
        How many tensors were mapped, each counted once however often the reference lists it.

    Raises:
        InputError: A tensor is missing, unexpected, of another shape, or listed twice with different values.
    """
    if isinstance(state_dict_or_path, Mapping):
        name, state = "the state dict", unwrap(state_dict_or_path, "the state dict")
    else:
        name, state = str(state_dict_or_path), read_state(Path(state_dict_or_path))
    unused = (*UNUSED, "classifier.") if isinstance(model, Embedder) else UNUSED
    prefixes = _prefixes(state)
    ours: dict[str, Tensor] = {}
    differing = []
    for key, tensor in state.items():
        new = _rename(key, prefixes)
        if new.startswith(unused):
            continue
        if not torch.equal(ours.setdefault(new, tensor), tensor):
            differing.append(f"{key} differs from its other copy")
    if differing:
        raise InputError(f"{name} contradicts itself:\n{listing(differing)}")
    expected = {key: tensor for key, tensor in model.state_dict().items() if key != "statistics"}
    check_fit(expected, ours, name)
    model.load_state_dict(ours, strict=False)  # only the statistics are not in it
    return len(ours)


def _prefixes(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Beginnings of the reference's keys and of ours, for the family that the keys belong to."""
    roots = {key.split(".")[0] for key in state}
    if "inception" in roots:  # its stages bear the names that they have in the backbone
        stages = {stage: stage for stage in roots if stage.startswith(("Conv2d_", "Mixed_"))}
        return {**HEAD, "inception": NET[:-1], **{old: NET + new for old, new in stages.items()}}
    if "resnet" in roots:
        return {**HEAD, "resnet": NET[:-1], **{old: NET + new for old, new in RESNET_STAGES.items()}}
    return {**HEAD, "backbone": NET[:-1], **{old: NET + new for old, new in DENSENET_STAGES.items()}}


def _rename(key: str, prefixes: Mapping[str, str]) -> str:
    parts = key.split(".")
    for length in (2, 1):
        if new := prefixes.get(".".join(parts[:length])):
            return ".".join([new, *parts[length:]])
    return key
