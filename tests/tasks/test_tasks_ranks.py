"""Two processes compute what one computes."""

import warnings

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from given_images import GivenImages
from torch import nn

from hpa_lit.cli import ranks
from hpa_lit.data.dataset import Examples
from hpa_lit.files import rgby
from hpa_lit.losses import ArcFaceLoss, CombinedLoss
from hpa_lit.tasks import ClassifyTask, EmbedTask


class TinyNet(nn.Module):
    """A convolution, a batch norm that stays in evaluation mode, and a linear layer; cosines where `cosine`."""

    def __init__(self, outputs, cosine):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(4, 6, 3, 2), nn.BatchNorm2d(6), nn.Linear(6, outputs)
        self.cosine = cosine
        self.norm.eval()

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, images):
        scores = self.linear(self.norm(self.conv(images / 255)).relu().mean((2, 3)))
        return nn.functional.normalize(scores) if self.cosine else scores


class FirstGradients(pl.Callback):
    def __init__(self):
        self.gradients = None

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if self.gradients is None:
            self.gradients = [p.grad.clone() for p in pl_module.parameters()]


def fit(kind, folder, out, processes):
    """Train for two epochs in this process, which may be a rank; save what was computed."""
    warnings.simplefilter("ignore")
    images = rgby.list_images(folder)
    ids, rng = list(images), np.random.default_rng(1)
    files = [images[i] for i in ids]
    targets = rng.integers(0, 2, (len(ids), 5)).astype(np.uint8) if kind == "classify" else rng.integers(0, 5, len(ids))
    data = GivenImages(
        Examples(ids[:12], files[:12], targets[:12]),
        Examples(ids[12:], files[12:], targets[12:]),  # 7 images: no equal shares for two
        batch_size=6,
    )
    torch.manual_seed(0)
    net = TinyNet(5, kind == "embed")
    task = {"classify": ClassifyTask, "embed": EmbedTask}[kind](
        net, CombinedLoss() if kind == "classify" else ArcFaceLoss(), torch.optim.Adam, lambda epoch: 1e-2
    )
    seen = FirstGradients()
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=2,
        gradient_clip_val=1.0,
        callbacks=[seen],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(task, data)
    if trainer.is_global_zero:
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        torch.save({"gradients": seen.gradients, "metrics": metrics, "weights": net.state_dict()}, out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for row in range(19):
        rgby.write(folder / f"i{row:02}.tif", rng.integers(0, 256, (24, 24, 4), np.uint8), f"i{row}")
    return folder


@pytest.mark.parametrize("kind", ["classify", "embed"])
def test_gradients_and_metrics_equal_one_process(folder, tmp_path, kind):
    fit(kind, folder, tmp_path / "one.pt", 1)
    ranks.launch("test_tasks_ranks:fit", 2, kind, folder, tmp_path / "two.pt", 2)
    one, two = torch.load(tmp_path / "one.pt"), torch.load(tmp_path / "two.pt")
    # Sums of float32 in another order: with one thread they differ by 2e-6 of a gradient, with two by less.
    torch.testing.assert_close(two["gradients"], one["gradients"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two["weights"], one["weights"], rtol=0, atol=1e-5)
    assert two["metrics"] == pytest.approx(one["metrics"], abs=1e-6)
    expected = {"valid/macro_f1", "valid/focal"} if kind == "classify" else {"valid/map5", "valid/top1"}
    assert expected <= two["metrics"].keys()


def fail(rank_file):
    raise RuntimeError("as planned")


def test_a_failing_process_ends_the_launch(tmp_path):
    with pytest.raises(SystemExit, match="of 2 processes failed"):
        ranks.launch("test_tasks_ranks:fail", 2, tmp_path)
