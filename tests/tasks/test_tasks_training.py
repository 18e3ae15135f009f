from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from small_run import QUIET
from torch import nn
from torch.utils.data import DataLoader

from hpa_lit.losses import FocalLoss
from hpa_lit.nets import build_classifier
from hpa_lit.tasks import ClassifyTask


def test_channels_last_changes_the_memory_and_not_the_logits():
    net = build_classifier("resnet18").eval()
    images = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain = ClassifyTask(net, FocalLoss(), torch.optim.Adam)(images)
        task = ClassifyTask(net, FocalLoss(), torch.optim.Adam, channels_last=True)
        other = task(images)
    weight = task.net.backbone.net.layer4[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-4)


class Steps(pl.Callback):
    """Keeps the norm of the gradients that each step was made with, and whether it was a fused one."""

    def __init__(self):
        self.norms, self.fused = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.norms.append(torch.stack([p.grad.norm() for p in pl_module.parameters()]).norm().item())
        self.fused.append(trainer.optimizers[0].param_groups[0]["fused"])


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_fused_steps_are_made_with_clipped_gradients(precision):
    torch.manual_seed(0)
    rows = [{"image": torch.randn(12) * 100, "target": torch.ones(28), "index": row} for row in range(8)]
    steps = Steps()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        precision=precision,
        gradient_clip_val=1.0,
        callbacks=[steps],
        **QUIET,
    )
    task = ClassifyTask(nn.Linear(12, 28), FocalLoss(), partial(torch.optim.Adam, fused=True), lambda epoch: 1e-3)
    trainer.fit(task, DataLoader(rows, batch_size=4))
    assert steps.norms == pytest.approx([1.0, 1.0], rel=1e-2)
    assert all(steps.fused)
