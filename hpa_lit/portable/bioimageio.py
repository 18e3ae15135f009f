"""A package of bioimage.io: what its programs need to run a network, and people to judge it."""

import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from hpa_lit import __version__
from hpa_lit.errors import InputError, mistakes
from hpa_lit.files.writing import replacing
from hpa_lit.inference import Model
from hpa_lit.nets import build_net
from hpa_lit.nets.answering import Answering
from hpa_lit.nets.build import OURS
from hpa_lit.portable.about import About
from hpa_lit.portable.onnx import INPUT, OPSET, Images, write_onnx

OUYANG = "Ouyang et al., Analysis of the Human Protein Atlas Image Classification competition. Nature Methods, 2019"
OUYANG_DOI = "10.1038/s41592-019-0658-6"
COVER = 512  # pixels a side at most
ENVIRONMENT = f"""name: hpa-lit
channels: [conda-forge]
dependencies:
  - python>=3.11
  - pytorch>=2.6
  - pip
  - pip: [hpa-lit=={__version__}]
"""


def torch_network(arch: Mapping[str, Any], num_classes: int, in_channels: int) -> Answering:
    """The network that the torch weights of a package go into: what the package calls by this name.

    Args:
        arch: As `nets.build_net` takes it.
        num_classes: K.
        in_channels: C.
    """
    return Answering(build_net(arch, num_classes=num_classes, in_channels=in_channels))


def write_bioimageio(path: Path, model: Model, net: nn.Module, about: About, images: Sequence[Images]) -> list[str]:
    """Write a package, once bioimageio.core has got the same answers from it, from either kind of weights.

    Args:
        path: The file, ``.zip``.
        model: Which model.
        net: Its network.
        about: As `portable.about` gives it.
        images: The first, (C, S, S) as the network sees it, is shown and lies in the package with its answers.

    Returns:
        What is to be said about it, a line each.

    Raises:
        InputError: Nobody is named as author, the licence is none that is known, the network is not ours, or
            bioimageio.core does not take the package.
    """
    from bioimageio.core import test_description
    from bioimageio.spec import save_bioimageio_package
    from bioimageio.spec.model.v0_5 import ModelDescr
    from loguru import logger
    from pydantic import ValidationError

    if not about["authors"]:
        raise InputError("a package of bioimage.io says who made it: give authors=[NAME,...]")
    if model.arch["_target_"] not in OURS:
        raise InputError(f"{model.run} was built by {model.arch['_target_']}: use format=onnx, which needs no code")
    logger.disable("bioimageio")  # what it has to say is in its summary
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a description could have besides; likewise in the summary
        lines = _write_parts(Path(folder), net, about, images[0])
        try:
            described = ModelDescr.model_validate(_description(Path(folder), model, net, about))
        except ValidationError as error:
            raise InputError(f"bioimage.io does not take this: {'; '.join(mistakes(error))}") from error
        with replacing(path) as temporary:
            made = Path(folder) / "package.zip"
            save_bioimageio_package(described, output_path=made)
            summary = test_description(made)
            if summary.status != "passed":
                faults = [error.msg for detail in summary.details for error in detail.errors]
                raise InputError(f"bioimageio.core does not get the same answers: {'; '.join(faults)}")
            temporary.write_bytes(made.read_bytes())
    return lines


def _write_parts(folder: Path, net: nn.Module, about: About, image: Images) -> list[str]:
    """Write what the description points to: weights, tensors, a picture and words."""
    lines = write_onnx(folder / "weights.onnx", net, about)
    answering = Answering(net).eval()
    torch.save(answering.state_dict(), folder / "weights.pt")
    np.save(folder / f"{INPUT}.npy", image[None])
    with torch.no_grad():
        for name, answer in zip(answering.outputs, answering(torch.from_numpy(image[None])), strict=True):
            np.save(folder / f"{name}.npy", answer.numpy())
    shown = Image.fromarray(np.ascontiguousarray(image[:3].transpose(1, 2, 0)))
    shown.thumbnail((COVER, COVER))
    shown.save(folder / "cover.png")
    (folder / "environment.yaml").write_text(ENVIRONMENT)
    (folder / "README.md").write_text(_words(about))
    return lines


def _description(folder: Path, model: Model, net: nn.Module, about: About) -> dict[str, Any]:
    """What stands in the package's YAML."""
    side = about["crop_size"] or about["image_size"]
    scale = {} if about["pixel_size"] is None else {"scale": about["pixel_size"], "unit": "micrometer"}
    outputs = []
    for name in Answering(net).outputs:
        width = np.load(folder / f"{name}.npy").shape[1]
        axis = {"type": "channel", "channel_names": about["labels"]}
        if name == "features":
            axis = {"type": "index", "id": "feature", "size": width}
        words = "of each location, each by itself" if axis["type"] == "channel" else "before the last layer"
        outputs.append(
            {
                "id": name,
                "description": f"{name} {words}",
                "axes": [{"type": "batch"}, axis],
                "data": {"type": "float32"},
                "test_tensor": {"source": folder / f"{name}.npy"},
            }
        )
    space = [{"type": "space", "id": axis, "size": side, **scale} for axis in "yx"]
    built = {"arch": model.network, "num_classes": model.num_classes, "in_channels": len(about["channels"])}
    allowed = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in about["name"])
    return {
        "type": "model",
        "format_version": _format_version(),
        "name": f"HPA protein localisation {allowed}"[:64],
        "description": "Where proteins are in cells: confocal images of the Human Protein Atlas kind to locations.",
        "authors": [{"name": name} for name in about["authors"]],
        "cite": [{"text": OUYANG, "doi": OUYANG_DOI}],
        "license": about["licence"],
        "documentation": {"source": folder / "README.md"},
        "covers": [{"source": folder / "cover.png"}],
        "tags": ["2d", "cells", "fluorescence-light-microscopy", "image-classification", "protein-localisation"],
        "inputs": [
            {
                "id": INPUT,
                "description": "whole fields of cells, resized to this size, 8 bits a plane",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": about["channels"]}, *space],
                "data": {"type": "uint8", "range": [0, 255]},
                "test_tensor": {"source": folder / f"{INPUT}.npy"},
            }
        ],
        "outputs": outputs,
        "weights": {
            "onnx": {"source": folder / "weights.onnx", "opset_version": OPSET, "parent": "pytorch_state_dict"},
            "pytorch_state_dict": {
                "source": folder / "weights.pt",
                "pytorch_version": torch.__version__.partition("+")[0],
                "architecture": {"callable": "torch_network", "import_from": __name__, "kwargs": built},
                "dependencies": {"source": folder / "environment.yaml"},
            },
        },
        "config": {"hpa_lit": about},
    }


def _format_version() -> str:
    from bioimageio.spec.model.v0_5 import ModelDescr

    version: str = ModelDescr.implemented_format_version
    return version


def _words(about: About) -> str:
    """The page that people read."""
    side, decision = about["crop_size"] or about["image_size"], about["decision"]
    pixel = "" if about["pixel_size"] is None else f", {about['pixel_size']:.3g} micrometres a pixel"
    paragraphs = [
        f"# {about['name']}",
        f"{about['network']}, trained with {about['made_by']}. It sees {', '.join(about['channels'])} (the protein is "
        f"green), 8 bits each, whole fields resized to {side} x {side} pixels{pixel}. Normalisation lies inside.",
    ]
    if about["labels"]:
        paragraphs += ["## Labels", "\n".join(f"- {label}" for label in about["labels"])]
    paragraphs.append("## Validation")
    if decision is None:
        paragraphs.append(
            "This model says nothing of how good it is: compare its answers with labels of your own images."
        )
    else:
        low, high = decision["macro_f1_interval"]
        paragraphs += [
            f"On {decision['images']} images that it was validated on ({decision['dataset']}), a macro F1 of "
            f"{decision['macro_f1']:.3f} ({low:.3f} to {high:.3f}) over {decision['present']} labels is to be "
            "expected. Calibration and thresholds by which probabilities become answers:",
            f"```json\n{json.dumps(decision)}\n```",
        ]
    paragraphs.append(f"Cite: {OUYANG}, doi:{OUYANG_DOI}.")
    return "\n\n".join(paragraphs) + "\n"
