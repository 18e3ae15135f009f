"""Two and three processes compute what one computes."""

import warnings
from collections import Counter

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from given_images import GivenImages
from small_run import QUIET
from torch import nn

from hpa_lit.cli import ranks
from hpa_lit.data.dataset import Examples
from hpa_lit.files import rgby
from hpa_lit.losses import ArcFaceLoss, CombinedLoss
from hpa_lit.tasks import ClassifyTask, EmbedTask
from hpa_lit.tasks.gather import gather_batch, gather_rows


class TinyNet(nn.Module):
    """A convolution, a batch norm, and a linear layer; cosines where `cosine`.

    The batch norm stays in evaluation mode unless `batch_norm`: its statistics are else those of a rank's images.
    """

    def __init__(self, outputs, cosine, batch_norm):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(4, 6, 3, 2), nn.BatchNorm2d(6), nn.Linear(6, outputs)
        self.cosine, self.batch_norm = cosine, batch_norm
        self.train()

    def train(self, mode=True):
        super().train(mode)
        if not self.batch_norm:
            self.norm.eval()
        return self

    def forward(self, images):
        scores = self.linear(self.norm(self.conv(images / 255)).relu().mean((2, 3)))
        return nn.functional.normalize(scores) if self.cosine else scores


class Seen(pl.Callback):
    """The gradients of the first step, and how often each image was trained on and validated."""

    def __init__(self):
        self.gradients, self.trained, self.validated = None, Counter(), Counter()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.trained.update(gather_batch(pl_module, batch["index"]).tolist())

    def on_validation_epoch_end(self, trainer, pl_module):
        index = torch.cat([index for index, *_ in pl_module.validated])
        if not trainer.sanity_checking:
            self.validated.update(gather_rows(pl_module, index, index)[0].tolist())

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if self.gradients is None:
            self.gradients = [p.grad.clone() for p in pl_module.parameters()]


def fit(kind, folder, out, processes, accelerator="cpu", batch_norm=False):
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
    net = TinyNet(5, kind == "embed", batch_norm)
    task = {"classify": ClassifyTask, "embed": EmbedTask}[kind](
        net, CombinedLoss() if kind == "classify" else ArcFaceLoss(), torch.optim.Adam, lambda epoch: 1e-2
    )
    seen = Seen()
    trainer = pl.Trainer(
        accelerator=accelerator,
        devices=processes,
        sync_batchnorm=batch_norm,
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=2,
        gradient_clip_val=1.0,
        callbacks=[seen],
        **QUIET,
        use_distributed_sampler=False,
    )
    trainer.fit(task, data)
    if trainer.is_global_zero:
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        content = {"gradients": seen.gradients, "metrics": metrics, "weights": net.state_dict()}
        torch.save(content | {"trained": dict(seen.trained), "validated": dict(seen.validated)}, out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for row in range(19):
        rgby.write(folder / f"i{row:02}.tif", rng.integers(0, 256, (24, 24, 4), np.uint8), f"i{row}")
    return folder


def check_equal(more, one):
    # Sums of float32 in another order: with one thread they differ by 2e-6 of a gradient, with two by less.
    torch.testing.assert_close(more["gradients"], one["gradients"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(more["weights"], one["weights"], rtol=0, atol=1e-5)
    assert more["metrics"] == pytest.approx(one["metrics"], abs=1e-6)
    # Two epochs, each of which sees each image once.
    assert more["trained"] == one["trained"] == dict.fromkeys(range(12), 2)
    assert more["validated"] == one["validated"] == dict.fromkeys(range(7), 2)


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["classify", pytest.param("embed", marks=pytest.mark.slow)])
def test_gradients_and_metrics_equal_one_process(folder, tmp_path, kind, processes):
    fit(kind, folder, tmp_path / "one.pt", 1)
    ranks.launch("test_tasks_ranks:fit", processes, kind, folder, tmp_path / "more.pt", processes)
    one, more = torch.load(tmp_path / "one.pt"), torch.load(tmp_path / "more.pt")
    check_equal(more, one)
    expected = {"valid/macro_f1", "valid/focal"} if kind == "classify" else {"valid/map5", "valid/top1"}
    assert expected <= more["metrics"].keys()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="batch norm over ranks needs a GPU for each")
def test_so_they_do_with_synchronised_batch_norm(folder, tmp_path):
    fit("classify", folder, tmp_path / "one.pt", 1, "gpu", True)
    ranks.launch("test_tasks_ranks:fit", 2, "classify", folder, tmp_path / "two.pt", 2, "gpu", True)
    check_equal(torch.load(tmp_path / "two.pt"), torch.load(tmp_path / "one.pt"))
