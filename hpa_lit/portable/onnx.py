"""Networks as ONNX: one graph from the bytes of images to probabilities and features."""

import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hpa_lit.errors import InputError
from hpa_lit.files.writing import replacing
from hpa_lit.nets.answering import Answering
from hpa_lit.portable.about import About

Precision = Literal["fp32", "fp16", "int8"]
Images = npt.NDArray[np.uint8]

INPUT = "images"
OPSET = 17  # what torch 2.6 can write and onnxruntime has read for years
EQUAL = 1e-4  # how far onnxruntime may be from torch, as a share of the largest value where that is above 1


def write_onnx(
    path: Path, net: nn.Module, about: About, precision: Precision = "fp32", images: Sequence[Images] = ()
) -> list[str]:
    """Write a network as ONNX, once onnxruntime has answered as torch does.

    Takes ``images``, (N, C, H, W) uint8, and gives ``probabilities`` (N, K) and ``features`` (N, D), float32; of an
    embedder features alone. N, H and W may be anything, but for networks that are made for one size. What `about`
    says stands in the metadata, each value as JSON.

    Args:
        path: The file.
        net: The network.
        about: As `portable.about` gives it.
        precision: fp32; fp16: half precision inside; int8: whole numbers inside, at a scale that is set on `images`.
        images: Of the training's kind, each (C, S, S), with S what the network sees.

    Returns:
        What is to be said about it, a line each.

    Raises:
        InputError: onnxruntime answers otherwise, or there are no images to set a scale on.
    """
    import onnx

    if precision == "int8" and not images:
        raise InputError("precision=int8 sets its scale on images of the training's kind: give images=DIR")
    answering = Answering(net).eval()
    side, channels = about["crop_size"] or about["image_size"], len(about["channels"])
    rng = np.random.default_rng(0)
    trial = rng.integers(0, 256, (2, channels, side, side), np.uint8)
    # Another size, not square; networks with many halvings need some pixels.
    other = rng.integers(0, 256, (1, channels, max(96, side // 64 * 32), side + 32), np.uint8)
    content = _exported(answering, trial, any_size=True)
    any_size = takes(net, other) and _difference(content, answering, other) <= EQUAL
    if not any_size:
        content = _exported(answering, trial, any_size=False)
    difference = _difference(content, answering, trial)
    if difference > EQUAL:
        raise InputError(f"{about['network']} answers otherwise in onnxruntime than in torch, by {difference:.2g}")
    graph: Any = onnx.load_from_string(content)
    if precision == "fp16":
        graph = _halved(graph)
    elif precision == "int8":
        graph = _in_whole_numbers(graph, images)
    facts = {**about, "precision": precision, "any_size": any_size}
    onnx.helper.set_model_props(graph, {key: json.dumps(value) for key, value in facts.items()})
    graph.producer_name, graph.producer_version = "hpa_lit", about["made_by"].split()[-1]
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())
    lines = [] if any_size else [f"{about['network']} is made for one size: images must be {side} x {side}"]
    if precision != "fp32":
        found = _difference(graph.SerializeToString(), answering, np.stack(images[:8]) if images else trial)
        lines.append(f"{precision} changes answers by up to {found:.2g}; docs/export.md has what that does to scores")
    return lines


def takes(net: nn.Module, images: Images) -> bool:
    """Whether a network takes images of this size: many transformers are made for one, and raise what they like."""
    try:
        with torch.no_grad():
            net(torch.from_numpy(images))
    except Exception:  # noqa: BLE001
        return False
    return True


def _exported(net: Answering, images: Images, any_size: bool) -> bytes:
    """A graph.

    The tracing exporter: it is in every torch since 2.6, takes seconds where the newer one takes a minute, and our
    networks have no branches that tracing would lose.
    """
    axes = {0: "N", 2: "H", 3: "W"} if any_size else {0: "N"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing and its age; the answers are compared afterwards
        path = Path(folder) / "exported.onnx"
        torch.onnx.export(
            net,
            (torch.from_numpy(images),),
            path,
            input_names=[INPUT],
            output_names=list(net.outputs),
            opset_version=OPSET,
            dynamic_axes={INPUT: axes, **{name: {0: "N"} for name in net.outputs}},
            dynamo=False,
        )
        return path.read_bytes()


def _difference(content: bytes, net: Answering, images: Images) -> float:
    """The largest difference between what onnxruntime and torch answer, as `EQUAL` counts it; infinite if it fails."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails here is answered by the caller
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = [answer.numpy() for answer in net(torch.from_numpy(images))]
    try:
        found = session.run(None, {INPUT: images})
    except onnxruntime.capi.onnxruntime_pybind11_state.OnnxRuntimeException:
        return float("inf")
    pairs = zip(found, expected, strict=True)
    return max(float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())) for ours, theirs in pairs)


def _halved(graph: Any) -> Any:
    """A graph that computes in half precision, and gives float32."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # weights below 6e-8 become that
        whole = [*DEFAULT_OP_BLOCK_LIST, "ReduceSum"]  # of the channel statistics, which CPUs cannot sum in halves
        return convert_float_to_float16(graph, keep_io_types=True, op_block_list=whole)


class _OneByOne:
    """Images as onnxruntime asks for them, one at a time, then None."""

    def __init__(self, images: Sequence[Images]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, Images] | None:
        """The next one."""
        image = next(self.images, None)
        return None if image is None else {INPUT: image[None]}


def _in_whole_numbers(graph: Any, images: Sequence[Images]) -> Any:
    """A graph whose convolutions and linear layers compute with whole numbers of 8 bits.

    But for the first, whose input holds few bright pixels and many dark ones: in whole numbers it alone changed answers
    as much as all the others together, and it has few weights.
    """
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        whole, ready, small = (Path(folder) / name for name in ("whole.onnx", "ready.onnx", "small.onnx"))
        onnx.save(graph, whole)
        quantization.quant_pre_process(whole, ready, skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(ready).graph.node if node.op_type == "Conv"]
        quantization.quantize_static(
            ready,
            small,
            _OneByOne(images),
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            nodes_to_exclude=convolutions[:1],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(small)
