import torch

from hpa_lit.losses import FocalLoss
from hpa_lit.nets import build_classifier
from hpa_lit.tasks import ClassifyTask


def test_channels_last_changes_the_memory_and_not_the_logits():
    net = build_classifier("resnet18").eval()
    images = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain = ClassifyTask(net, FocalLoss(), lambda epoch: 1e-3)(images)
        task = ClassifyTask(net, FocalLoss(), lambda epoch: 1e-3, channels_last=True)
        other = task(images)
    weight = task.net.backbone.net.layer4[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-4)
