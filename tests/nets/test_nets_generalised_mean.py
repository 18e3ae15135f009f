"""Generalised mean pooling: by hand, between average and maximum, learnt, and through a training and a bundle."""

import numpy as np
import pytest
import torch

from hpa_lit.nets import build_classifier, build_embedder
from hpa_lit.nets.heads import GeneralisedMean

TINY = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}


def test_by_hand():
    maps = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]], [[0.0, 0.0], [0.0, 0.0]]]])
    torch.testing.assert_close(GeneralisedMean()(maps), torch.tensor([[9 ** (1 / 3), 1e-6]]))


def test_it_goes_from_the_average_to_the_maximum():
    maps = torch.rand(2, 5, 6, 7, dtype=torch.float64)
    pool = GeneralisedMean().double()
    for exponent, wanted in ((1.0, maps.mean((2, 3))), (2000.0, maps.amax((2, 3)))):
        pool.exponent.data.fill_(exponent)
        torch.testing.assert_close(pool(maps), wanted, rtol=0.01, atol=0)


def test_its_slopes_are_those_of_differences():
    maps = (torch.rand(2, 3, 4, 4, dtype=torch.float64) + 0.1).requires_grad_()
    pool = GeneralisedMean().double()

    def by_exponent(exponent, maps):
        return torch.func.functional_call(pool, {"exponent": exponent}, maps)

    assert torch.autograd.gradcheck(by_exponent, (pool.exponent, maps))


def test_maps_of_nothing_and_of_half_precision_have_finite_slopes():
    for maps in (torch.zeros(1, 2, 3, 3), torch.full((1, 2, 3, 3), 60.0, dtype=torch.float16)):
        pool, given = GeneralisedMean(), maps.requires_grad_()
        pooled = pool(given)
        assert pooled.dtype == torch.float32
        pooled.sum().backward()
        assert given.grad.isfinite().all()
        assert pool.exponent.grad.isfinite()


@pytest.mark.parametrize("build", [build_classifier, build_embedder])
def test_a_network_has_half_as_wide_a_head_and_learns_the_exponent(build):
    net = build(**TINY, num_classes=3, map_pool="gem")
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 4, 64, 64), np.uint8))
    assert net.pooled(images).shape == (4, 32)
    torch.testing.assert_close(net.eval().from_pooled(net.pooled(images)), net(images))
    net.train()(images).square().sum().backward()
    assert net.head.learnt.exponent.item() == 3
    assert net.head.learnt.exponent.grad.abs() > 0
    plain = build(**TINY, num_classes=3)
    assert set(net.state_dict()) - set(plain.state_dict()) == {"head.learnt.exponent"}
    assert plain.head.linear1.in_features == 2 * net.head.linear1.in_features == 64
