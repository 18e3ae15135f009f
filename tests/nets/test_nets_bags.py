"""One answer from a bag of cells: attention by hand, and a bag of one."""

import pytest
import torch

from hpa_lit.errors import InputError
from hpa_lit.nets import build_classifier
from hpa_lit.nets.heads import AttentionPool

TINY = {"arch": "timm/resnet18", "options": {"channels": [4, 8, 16, 32]}}


def test_attention_by_hand():
    """Gated attention of Ilse et al. 2018, equation 9, written out."""
    torch.manual_seed(0)
    pool, bags = AttentionPool(6, hidden=5), torch.randn(3, 4, 6)
    expected = []
    for bag in bags:
        scores = [
            (pool.weight.weight[0] * torch.tanh(pool.content.weight @ h + pool.content.bias)
             * torch.sigmoid(pool.gate.weight @ h + pool.gate.bias)).sum() + pool.weight.bias[0]
            for h in bag
        ]  # fmt: skip
        weights = torch.stack(scores).exp()
        expected.append(((weights / weights.sum())[:, None] * bag).sum(0))
    torch.testing.assert_close(pool(bags), torch.stack(expected))


def test_a_bag_of_one_is_its_cell_and_order_does_not_count():
    torch.manual_seed(0)
    net = build_classifier(**TINY, num_classes=3, pool="attention").eval()
    images = torch.randint(0, 256, (2, 5, 4, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(net(images[:, :1]), net(images[:, 0]))
        torch.testing.assert_close(net(images), net(images[:, [3, 1, 4, 0, 2]]))
        cells = net.features(images[0])
        torch.testing.assert_close(net.features(images)[0], net.pool(cells[None])[0])


def test_a_network_of_single_images_refuses_bags():
    net = build_classifier(**TINY, num_classes=3)
    with pytest.raises(InputError, match=r"arch\.pool=attention makes one of bags of cells"):
        net(torch.zeros(2, 3, 4, 32, 32, dtype=torch.uint8))
