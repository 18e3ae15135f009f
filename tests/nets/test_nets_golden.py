"""Networks against the outputs, gradients and running statistics of the reference."""

import re

import numpy as np
import pytest
import reference_nets as reference
import torch

from hpa_lit.nets import Classifier, Embedder, build_classifier, build_embedder, legacy
from hpa_lit.nets.legacy import HEAD

FAST = [("resnet18", case) for case in ("e0", "e2", "t0", "t1")] + [("densenet121", "e0")]
ALL = [
    pytest.param(arch, case, marks=[] if (arch, case) in FAST else pytest.mark.slow, id=f"{arch}-{case}")
    for arch, name in reference.REFERENCE.items()
    for case in reference.CASES[name]
]


def build(arch: str) -> Classifier | Embedder:
    model: Classifier | Embedder
    if arch == "resnet50_arcface":
        model = build_embedder(arch, num_classes=50)
    else:
        model = build_classifier(arch, dropout=(0.0, 0.0))
    legacy.load_legacy(model, reference.state_dict(arch))
    return model


def our_name(key: str) -> str:
    if match := re.match(r"(backbone|resnet|inception)\.(.*)", key):
        return f"backbone.net.{match[2]}"
    return HEAD.get(key) or HEAD[key.split(".")[0]] + "." + key.split(".")[1]


def assert_close(ours: torch.Tensor, theirs: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize(("arch", "case"), ALL)
def test_golden(arch: str, case: str) -> None:
    """Float64 to the last digits; float32 as near as the reference's own float32 is to its float64."""
    name = reference.REFERENCE[arch]
    facts = reference.CASES[name][case]
    output = "cosine" if arch == "resnet50_arcface" else "logits"
    images = reference.images(facts)
    assert float(images.double().sum()) == pytest.approx(facts["input_sum"], rel=1e-12)
    training = facts["mode"] == "train"

    with np.load(reference.GOLDEN / "networks.npz") as golden:
        theirs = {key.split("/")[2]: golden[key] for key in golden if key.startswith(f"{name}/{case}/")}

    model = build(arch).double().train(training)
    outputs = model(images.double())
    assert_close(outputs, theirs[f"{output}_f64"], 1e-7 if training else 1e-9)
    if training:
        outputs.square().sum().backward()
        norms = {key: float(model.get_parameter(our_name(key)).grad.norm()) for key in facts["grad_norms_f64"]}
        assert norms == pytest.approx(facts["grad_norms_f64"], rel=1e-6)
        for statistic in ("running_mean", "running_var"):
            total = sum(float(b.sum()) for key, b in model.named_buffers() if key.endswith(statistic))
            # The reference counts the norms of Inception's unused branch as well.
            for key, tensor in reference.state_dict(arch).items():
                if "AuxLogits" in key and key.endswith(statistic):
                    total += float(tensor.double().sum())
            assert total == pytest.approx(facts[f"{statistic}_sum_after_f64"], rel=1e-9)
        return
    if output == "cosine":
        assert_close(model.features(images.double()), theirs["feature_f64"], 1e-9)
        assert_close(model.float().features(images), theirs["feature"], 1e-5)
    assert_close(model.float()(images), theirs[output], 1e-5)


@pytest.mark.parametrize("arch", ["resnet18", pytest.param("inceptionv3", marks=pytest.mark.slow)])
def test_golden_training_in_float32(arch: str) -> None:
    facts = reference.CASES[reference.REFERENCE[arch]]["t1"]
    with np.load(reference.GOLDEN / "networks.npz") as golden:
        theirs = golden[f"{reference.REFERENCE[arch]}/t1/logits"]
    assert_close(build(arch).train()(reference.images(facts)), theirs, 2e-3)
