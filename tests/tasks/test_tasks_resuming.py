"""A training that was stopped goes on as if it had not been."""

from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from given_images import GivenImages
from small_run import save_pictures
from torch import nn

from hpa_lit.data.dataset import Examples
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.losses import FocalLoss
from hpa_lit.tasks import Checkpoints, ClassifyTask


class TinyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(4, 6, 3, 2), nn.Linear(6, 5)

    def forward(self, images):
        return self.linear(self.conv(images / 255).relu().mean((2, 3)))


class Seen(pl.Callback):
    """The rows of each training batch, with a sum of their pixels, which says how they were cropped."""

    def __init__(self):
        self.batches = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batches.append((batch["index"].tolist(), batch["image"].long().sum().item()))


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    save_pictures(folder, 20)
    images = rgby.list_images(folder)
    targets = np.random.default_rng(0).integers(0, 2, (len(images), 5)).astype(np.uint8)
    return Examples(list(images), list(images.values()), targets)


def of_lightning(folder):
    """Lightning's own way to save after the validation, when it has not counted the epoch yet."""
    return pl.callbacks.ModelCheckpoint(folder / "checkpoints", "last", save_on_train_epoch_end=False)


def fit(examples, folder, workers, epochs, scheduled=False, saver=None, plugins=None):
    """Train up to an epoch, from the last checkpoint where there is one; the batches seen, and the weights."""
    torch.manual_seed(0)
    if scheduled:
        rates = {
            "optimizer": partial(torch.optim.Adam, lr=1e-2),
            "scheduler": partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5),
        }
    else:
        rates = {"optimizer": torch.optim.Adam, "rate": lambda epoch: 1e-2 / epoch}
    task, seen = ClassifyTask(TinyNet(), FocalLoss(), **rates), Seen()
    data = GivenImages(examples, image_size=40, crop_size=24, batch_size=4, workers=workers)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[seen, saver or Checkpoints("valid/focal", "min")],
        plugins=plugins,
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    last = RunTree(folder).checkpoint("last")
    trainer.fit(task, data, ckpt_path=last if last.is_file() else None)
    return seen.batches, task.net.state_dict()


@pytest.mark.parametrize(("workers", "scheduled"), [(0, False), (2, False), (0, True)])
def test_resuming_sees_the_batches_and_ends_with_the_weights_of_one_training(examples, tmp_path, workers, scheduled):
    batches, weights = fit(examples, tmp_path / "whole", workers, 3, scheduled)
    first, _ = fit(examples, tmp_path / "parts", workers, 1, scheduled)
    rest, resumed = fit(examples, tmp_path / "parts", workers, 3, scheduled)
    assert len(batches) == 15
    assert first + rest == batches
    torch.testing.assert_close(resumed, weights, rtol=0, atol=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_so_does_one_from_a_checkpoint_of_lightning(examples, tmp_path, workers):
    whole, parts = of_lightning(tmp_path / "whole"), of_lightning(tmp_path / "parts")
    batches, weights = fit(examples, tmp_path / "whole", workers, 3, saver=whole)
    first, _ = fit(examples, tmp_path / "parts", workers, 1, saver=parts)
    rest, resumed = fit(examples, tmp_path / "parts", workers, 3, saver=parts)
    assert first + rest == batches
    torch.testing.assert_close(resumed, weights, rtol=0, atol=0)
