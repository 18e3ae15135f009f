"""The reference's networks as numbers: their state dicts by the golden recipe, and the inputs they were given."""

import functools
import gzip
import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "networks.json").read_text())
REFERENCE = {
    "densenet121": "class_densenet121_dropout",
    "densenet121_large": "class_densenet121_large_dropout",
    "inceptionv3": "class_inceptionv3_dropout",
    "resnet34": "class_resnet34_dropout",
    "resnet18": "class_resnet18_dropout",
    "resnet50_arcface": "class_resnet50_dropout_ml",
}
Keys = list[tuple[str, list[int], str]]  # key, shape, the first key of the same tensor


@functools.cache
def keys(arch: str) -> Keys:
    with gzip.open(GOLDEN / "legacy_keys.json.gz", "rt") as file:
        found: Keys = json.load(file)[arch.removesuffix("_large")]  # both DenseNets have the same
    return found


def values(key: str, shape: list[int]) -> Tensor:
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith(("running_mean", "bias")):
        array = rng.standard_normal(shape) * 0.1
    elif key.endswith("running_var") or len(shape) == 1:
        array = rng.uniform(0.5, 1.5, shape)
    else:
        array = rng.standard_normal(shape) * math.sqrt((2 if len(shape) == 4 else 1) / math.prod(shape[1:]))
    return torch.from_numpy(array.astype(np.float32))


@functools.lru_cache(maxsize=1)
def state_dict(arch: str) -> dict[str, Tensor]:
    """A tensor under every key of the reference, the same object where the reference registers it twice."""
    tensors = {key: values(key, shape) for key, shape, canonical in keys(arch) if key == canonical}
    return {key: tensors[canonical] for key, _, canonical in keys(arch)}


def images(case: dict[str, Any]) -> Tensor:
    rng = np.random.default_rng(case["seed"])
    shape = (case["B"], 4, case["H"], case["W"])
    x = rng.random(shape, dtype=np.float32)
    if case["input_rule"] == "gamma":
        gamma = rng.uniform(0.5, 4.0, shape[:2])[:, :, None, None]
        x = (x.astype(np.float64) ** gamma).astype(np.float32)
    return torch.from_numpy(x)
