"""One file that holds all of a trained model, for ``run=FILE.zip`` anywhere."""

from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from hpa_lit.errors import InputError
from hpa_lit.files import bundle
from hpa_lit.inference import Model
from hpa_lit.nets.build import OURS
from hpa_lit.portable.about import About


def write_bundle(path: Path, model: Model, net: nn.Module, about: About) -> None:
    """Write a model as a bundle, which answers bit by bit as its checkpoint does.

    Args:
        path: The file.
        model: Which model.
        net: Its network.
        about: As `portable.about` gives it.

    Raises:
        InputError: The network is not one of ours: a bundle holds no code.
    """
    if model.arch["_target_"] not in OURS:
        raise InputError(f"{model.run} was built by {model.arch['_target_']}: a bundle holds networks of hpa_lit alone")
    state = {name: tensor.contiguous().clone() for name, tensor in net.state_dict().items()}
    said = {key: value for key, value in about.items() if key != "decision"}
    weights: bytes = safetensors.torch.save(state)
    bundle.write(path, {"config": config(model), "decision": about["decision"], "about": said}, weights)


def config(model: Model) -> dict[str, Any]:
    """Of a checkpoint's config, what a prediction needs to know, and nothing about the machine it was made on."""
    data = model.data
    return {
        "run_name": Path(model.run).name,
        "fold": model.fold,
        "split": None,
        "arch": model.network,
        "num_classes": model.num_classes,
        "targets": "labels" if model.labels else "antibodies",
        "labels": list(model.labels),
        "data": {
            "_target_": None,
            "name": data.get("name"),
            **{key: data[key] for key in ("image_size", "crop_size", "bits")},
            "channels": model.channels,
            "target_pixel_size": model.pixel_size,
            **{key: data.get(key) for key in ("naming", "planes", "z", "field_size", "others")},
        },
    }
