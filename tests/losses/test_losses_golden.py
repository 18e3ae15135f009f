"""Losses and gradients against the reference's."""

import json

import numpy as np
import pytest
import torch

from hpa_lit.losses import (
    CombinedLoss,
    FocalLoss,
    HardLogLoss,
    SymmetricLovaszLoss,
    arcface_loss,
    hard_log_loss,
)

LOSSES = {
    "focal": FocalLoss(),
    "slov": SymmetricLovaszLoss(),
    "hardlog": HardLogLoss(),
    "combined": CombinedLoss(),
}
CASES = [f"B{n}_{kind}" for n in (1, 2, 7, 48) for kind in ("sparse", "dense", "nopos_allpos", "large")]


def value_and_gradient(loss, scores, target):
    scores = scores.clone().requires_grad_()
    value = loss(scores, target)
    value.backward()
    return value.detach(), scores.grad


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(golden, case, name):
    arrays = np.load(golden / "losses.npz")
    double = json.loads((golden / "losses.json").read_text())["float64_values"][case][name]
    logits, target = torch.from_numpy(arrays[f"{case}/logits"]), torch.from_numpy(arrays[f"{case}/labels"])

    value, gradient = value_and_gradient(LOSSES[name], logits, target)
    torch.testing.assert_close(value, torch.from_numpy(arrays[f"{case}/{name}"]), rtol=1e-5, atol=0)
    wanted = torch.from_numpy(arrays[f"{case}/{name}_grad"])
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))

    value, _ = value_and_gradient(LOSSES[name], logits.double(), target)
    assert value.item() == pytest.approx(double, rel=1e-10)


@pytest.mark.parametrize("case", ["uniform", "typical", "hardtarget"])
@pytest.mark.parametrize("size", ["N50", "N1000"])
def test_arcface_equals_the_reference(golden, size, case):
    arrays = np.load(golden / "arcface.npz")
    cosine, codes, wanted_value, wanted = (
        torch.from_numpy(arrays[f"{size}_{case}/{key}"]) for key in ("cosine", "labels", "loss", "grad")
    )
    value, gradient = value_and_gradient(arcface_loss, cosine, codes)
    torch.testing.assert_close(value, wanted_value, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("edge", [1.0, -1.0, 1.0000001, -1.0000001])
def test_arcface_is_finite_where_a_cosine_is_one(edge):
    cosine = torch.tensor([[edge, 0.2, -0.3], [0.1, edge, 0.5]])
    value, gradient = value_and_gradient(arcface_loss, cosine, torch.tensor([0, 1]))
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


def test_hard_log_keeps_62_of_90_negatives():
    logits = torch.arange(90.0, dtype=torch.float64).reshape(90, 1) / 90
    # k = min(90, 0 + 45, 62 + 2) = 45 without a positive; 40 positives beside them raise it to the bound 64.
    assert hard_log_loss(logits, torch.zeros(90, 1)).item() == pytest.approx(
        float(np.log1p(np.exp(np.arange(45, 90) / 90)).mean()), rel=1e-12
    )
    both = torch.cat([logits, torch.full((40, 1), 100.0, dtype=torch.float64)])
    target = torch.cat([torch.zeros(90, 1), torch.ones(40, 1)])
    wanted = np.log1p(np.exp(np.arange(26, 90) / 90)).sum() / (64 + 40)
    assert hard_log_loss(both, target).item() == pytest.approx(float(wanted), rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float16])
def test_any_target_type_gives_the_same_value(golden, name, dtype):
    arrays = np.load(golden / "losses.npz")
    logits, target = (torch.from_numpy(arrays[f"B7_dense/{key}"]) for key in ("logits", "labels"))
    assert LOSSES[name](logits, target.to(dtype)).item() == LOSSES[name](logits, target).item()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_computed_in_float32(name):
    logits = torch.randn(6, 28, generator=torch.Generator().manual_seed(0)).bfloat16()
    target = (torch.arange(6 * 28).reshape(6, 28) % 5 == 0).int()
    value = LOSSES[name](logits, target)
    assert value.dtype == torch.float32
    assert value.item() == LOSSES[name](logits.float(), target).item()


@pytest.mark.parametrize("name", LOSSES)
def test_wrong_shapes_are_refused(name):
    with pytest.raises(ValueError, match=r"\(3, 28\).*\(3, 27\)"):
        LOSSES[name](torch.zeros(3, 28), torch.zeros(3, 27))


@pytest.mark.parametrize("loss", [*LOSSES.values(), arcface_loss], ids=[*LOSSES, "arcface"])
def test_no_value_is_read_on_the_way(loss):
    """Meta tensors have no values: what runs on them has nothing to wait for on a GPU."""
    scores, target = torch.empty(48, 28, device="meta"), torch.empty(48, 28, dtype=torch.uint8, device="meta")
    with pytest.raises(RuntimeError):
        scores.sum().item()
    codes = torch.empty(48, dtype=torch.int64, device="meta")
    value, gradient = value_and_gradient(loss, scores, codes if loss is arcface_loss else target)
    assert (value.shape, gradient.shape) == ((), (48, 28))
