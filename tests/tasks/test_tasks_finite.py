"""A loss that is no number ends a training, and nothing is saved of it."""

import math

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from given_images import GivenImages
from small_run import save_pictures
from test_tasks_resuming import TinyNet
from torch import nn

from hpa_lit.data.dataset import Examples
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.losses import FocalLoss
from hpa_lit.tasks import Checkpoints, ClassifyTask, FiniteLoss, finite

STEPS = 5  # an epoch


class Breaking(nn.Module):
    """Focal loss, but for what it gives in one step of the training, or in one validation."""

    def __init__(self, value, step=None, validation=None):
        super().__init__()
        self.focal, self.value, self.step, self.validation = FocalLoss(), value, step, validation
        self.steps = self.validations = 0

    def forward(self, logits, target):
        loss = self.focal(logits, target)
        if logits.requires_grad:
            self.steps += 1
            return loss * self.value if self.steps == self.step else loss
        self.validations += 1
        return loss * self.value if self.validations == self.validation else loss


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    save_pictures(folder, 4 * STEPS)
    images = rgby.list_images(folder)
    targets = np.random.default_rng(0).integers(0, 2, (len(images), 5)).astype(np.uint8)
    return Examples(list(images), list(images.values()), targets)


def fit(examples, folder, loss, **options):
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=3,
        callbacks=[Checkpoints("valid/focal", "min"), FiniteLoss()],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **options,
    )
    task = ClassifyTask(TinyNet(), loss, torch.optim.Adam, lambda epoch: 1e-2)
    trainer.fit(task, GivenImages(examples, image_size=40, crop_size=24, batch_size=4))
    return trainer


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("looked_at", [1, 2, 50])
def test_the_step_is_named_and_earlier_epochs_stay(examples, tmp_path, monkeypatch, value, looked_at):
    monkeypatch.setattr(finite, "LOOKED_AT", looked_at)
    with pytest.raises(InputError, match=rf"the training loss of epoch 2, step 3, is {value}: ") as ended:
        fit(examples, tmp_path, Breaking(value, step=STEPS + 3))
    for remedy in ("tag=NAME", "a lower rate", "another loss", "trainer.gradient_clip_val=1.0", "data.std"):
        assert remedy in str(ended.value)
    assert "32-true" not in str(ended.value)  # it is
    run = RunTree(tmp_path)
    assert [path.name for path in run.numbered_checkpoints()] == ["epoch_001.ckpt"]
    last = torch.load(run.checkpoint("last"), weights_only=True)
    assert last["epoch"] == 0
    assert all(tensor.isfinite().all() for tensor in last["state_dict"].values())


def test_what_would_help_is_not_what_is_done_already(examples, tmp_path):
    with pytest.raises(InputError) as ended:
        fit(examples, tmp_path, Breaking(math.nan, step=1), precision="bf16-mixed", gradient_clip_val=1.0)
    assert "trainer.precision=32-true" in str(ended.value)
    assert "gradient_clip_val" not in str(ended.value)


@pytest.mark.parametrize(
    ("validation", "where", "saved"), [(1, "before the first step", []), (3, "after epoch 2", ["epoch_001.ckpt"])]
)
def test_so_does_one_of_the_validation(examples, tmp_path, validation, where, saved):
    with pytest.raises(InputError, match=f"the validation loss {where} is nan: "):
        fit(examples, tmp_path, Breaking(math.nan, validation=validation))
    assert [path.name for path in RunTree(tmp_path).numbered_checkpoints()] == saved


def test_a_number_is_all_it_takes(examples, tmp_path):
    assert fit(examples, tmp_path, Breaking(math.nan)).current_epoch == 3
