"""The losses that are not the reference's, against other libraries and by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from timm.loss import AsymmetricLossMultiLabel

from hpa_lit.errors import InputError
from hpa_lit.losses import AsymmetricLoss, BCELoss, asymmetric_loss, bce_loss, focal_loss


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 28, generator=draw, dtype=torch.float64) * 4
    return logits.requires_grad_(), (torch.rand(7, 28, generator=draw) < 0.2).to(torch.uint8)


def gradient(loss, logits):
    return torch.autograd.grad(loss, logits)[0]


def test_bce_is_that_of_torch_summed_over_labels(batch):
    logits, target = batch
    wanted = F.binary_cross_entropy_with_logits(logits, target.double(), reduction="sum") / 7
    torch.testing.assert_close(bce_loss(logits, target), wanted)
    torch.testing.assert_close(bce_loss(logits, target), focal_loss(logits, target, gamma=0))
    torch.testing.assert_close(asymmetric_loss(logits, target, 0, 0, 0), wanted)
    assert BCELoss()(logits.half(), target).dtype == torch.float32


def test_smoothing_by_hand():
    # p = 3/4 for both labels; targets 1 and 0 become 0.95 and 0.05.
    logits = torch.full((1, 2), math.log(3.0), dtype=torch.float64)
    wanted = -(0.95 + 0.05) * math.log(0.75) - (0.05 + 0.95) * math.log(0.25)
    assert BCELoss(smoothing=0.1)(logits, torch.tensor([[1, 0]])).item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("negative", "positive", "margin"), [(4, 0, 0.05), (4, 1, 0.05), (2, 1, 0), (0, 0, 0.2)])
def test_asymmetric_is_that_of_timm(batch, negative, positive, margin):
    logits, target = batch
    # Its smallest probability cuts off what float32 cannot hold; ours computes in the type that it is given.
    timm = AsymmetricLossMultiLabel(negative, positive, margin, eps=1e-12)
    ours, theirs = AsymmetricLoss(negative, positive, margin)(logits, target), timm(logits, target)
    torch.testing.assert_close(ours, theirs.double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits), rtol=1e-4, atol=1e-6)


def test_asymmetric_by_hand():
    # p = 3/4, 3/4 and 1/28, below the margin: present, absent, absent.
    logits = torch.tensor([[math.log(3.0), math.log(3.0), -math.log(27.0)]], dtype=torch.float64)
    wanted = -0.25 * math.log(0.75) - 0.7**4 * math.log(0.3) - 0
    assert asymmetric_loss(logits, torch.tensor([[1, 0, 0]]), gamma_positive=1).item() == pytest.approx(wanted)


@pytest.mark.parametrize("gammas", [(4, 0), (0.5, 0.5), (0, 0), (1, 1)])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_asymmetric_is_finite_everywhere(gammas, margin):
    logits = torch.tensor([[-200.0, -30.0, -3.0, 0.0, 3.0, 30.0, 200.0]], requires_grad=True)
    for target in (torch.zeros(1, 7), torch.ones(1, 7)):
        loss = asymmetric_loss(logits, target, *gammas, margin)
        assert loss.isfinite()
        assert gradient(loss, logits).isfinite().all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BCELoss(1.0), r"loss\.smoothing=1\.0: give a number from 0 to less than 1"),
        (lambda: BCELoss(math.nan), r"loss\.smoothing=nan"),
        (lambda: AsymmetricLoss(gamma_negative=-1), r"loss\.gamma_negative=-1: give a number from 0 on"),
        (lambda: AsymmetricLoss(margin=1), r"loss\.margin=1: give a number from 0 to less than 1"),
    ],
)
def test_what_makes_no_loss_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
