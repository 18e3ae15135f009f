"""What is to be known of a trained model wherever it goes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from hpa_lit import __version__
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.inference import Model
from hpa_lit.nets import Classifier

About = dict[str, Any]  # plain values, as JSON takes them


def about(
    model: Model, net: nn.Module, home: RunTree, licence: str | None = None, authors: Sequence[str] = ()
) -> About:
    """What people and programs want to know to use a model and to trust it.

    Args:
        model: Which model.
        net: Its network.
        home: The folder of its run, which says how good it was and what it was trained on.
        licence: Under which others may use it, an SPDX name.
        authors: Who made it.
    """
    mean, std = net.statistics.double().sum(0).tolist() if isinstance(net, Classifier) else (None, None)
    size, crop = model.data["image_size"], model.data["crop_size"]
    return {
        "name": Path(model.run).name,  # of a file without a run it is its place, which is nobody's business
        "network": model.arch["arch"],
        "labels": list(model.labels),
        "channels": list(rgby.colors(model.channels)),
        "mean": mean,  # of pixels 0..1, subtracted inside the network, which `std` then divides
        "std": std,
        "image_size": size,
        "crop_size": crop,  # the side of what the network sees: the whole image, brought to it
        "pixel_size": None if model.pixel_size is None else model.pixel_size * size / (crop or size),
        "bits": model.data["bits"],
        "decision": None if model.decision is None else model.decision.to_plain(),
        **_of_run(home),
        "licence": licence,
        "authors": list(authors),
        "made_by": f"hpa_lit {__version__}",
    }


def _of_run(home: RunTree) -> dict[str, Any]:
    """How good a run was, and the SHA-256 of what it was trained on; None of what it does not say."""
    try:
        metrics = json.loads(home.result.read_text()) if home.result.is_file() else None
        starts = json.loads(home.provenance.read_text())["starts"] if home.provenance.is_file() else [{}]
        return {"metrics": metrics, "data_hash": starts[-1].get("data_hash")}
    except (ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{home.folder}: its result.json or run.json is damaged: restore it, or remove it") from error
