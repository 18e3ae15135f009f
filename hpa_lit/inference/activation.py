"""Where a network looks: class activation maps (Grad-CAM; Selvaraju et al. 2017)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from hpa_lit.data.transforms import ValidTransform
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.inference.model import Model
from hpa_lit.inference.planes import check_planes


class Activation(NamedTuple):
    """An image as the network sees it, and what speaks for a label in it."""

    image: rgby.Pixels  # (S, S, C), 0..255
    map: npt.NDArray[np.float32]  # (S, S), 0..1; all 0 where nothing speaks for the label


def activations(
    model: Model,
    files: Sequence[rgby.ImageFiles],
    labels: Sequence[int],
    bits: rgby.BitDepth | None = None,
    missing: rgby.Missing = "error",
) -> list[Activation]:
    """Class activation maps of the last feature map, one label an image.

    Args:
        model: A classifier.
        files: The files of N images.
        labels: For each, the place of a label in the model's list.
        bits: Depth of planes stored in 16 bits; None takes that of the training.
        missing: Whether planes that an image lacks are an error, or zeros.

    Raises:
        InputError: The model is an embedder, which has no labels, or an image cannot be read.
    """
    if not model.labels:
        raise InputError(f"{model.checkpoint} holds an embedder, which has no labels to draw activation maps of")
    check_planes({str(row): image_files for row, image_files in enumerate(files)}, model.channels, missing)
    net = model.load().eval()
    found = []
    for image_files, label in zip(files, labels, strict=True):
        planes = rgby.read_channels(image_files, bits or model.data["bits"], channels=model.channels, missing=missing)
        found.append(activation(model, net, planes, label))
    return found


def activation(model: Model, net: nn.Module, planes: Sequence[rgby.Pixels], label: int) -> Activation:
    """The class activation map of a label in an image.

    Args:
        model: A classifier.
        net: Its network, in evaluation mode, on any device.
        planes: C planes of the image, (H, W) each.
        label: Its place in the model's list.
    """
    seen = ValidTransform(model.data["image_size"], model.data["crop_size"])(planes, 0)
    images = torch.from_numpy(seen)[None].to(next(net.parameters()).device)
    positive = LayerGradCam(net, net.backbone).attribute(images, target=label, relu_attributions=True)
    whole = LayerAttribution.interpolate(positive.detach(), seen.shape[1:], "bilinear")[0, 0].float().cpu()
    image = np.ascontiguousarray(seen.transpose(1, 2, 0))
    return Activation(image, (whole / whole.max().clamp(min=torch.finfo(whole.dtype).tiny)).numpy())
