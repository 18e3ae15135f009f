"""A checkpoint of a classifier knows how its probabilities become answers."""

from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from hpa_lit.files.tree import RunTree
from hpa_lit.losses import FocalLoss
from hpa_lit.results.deciding import decide
from hpa_lit.results.decision import Decision
from hpa_lit.tasks import Checkpoints, ClassifyTask

LABELS = ["a", "b", "c"]


def rows(count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 12, generator=generator)
    target = (images[:, :3] + torch.randn(count, 3, generator=generator) > 0).to(torch.uint8)
    return [
        {"image": image, "target": has, "index": row}
        for row, (image, has) in enumerate(zip(images, target, strict=True))
    ]


def train(folder, validated, config, *callbacks):
    torch.manual_seed(0)
    optimizer = partial(torch.optim.Adam, lr=0.1)
    task = ClassifyTask(nn.Linear(12, 3), FocalLoss(), optimizer, lambda epoch: 0.1, config=config)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        callbacks=[*callbacks, Checkpoints("valid/focal", "min")],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, DataLoader(rows(40, 0), batch_size=10), DataLoader(validated, batch_size=7))


def test_it_is_fitted_to_the_validation_images_by_the_weights_that_are_saved(tmp_path):
    validated = rows(50, 1)
    train(tmp_path, validated, {"labels": LABELS})
    images, target = (torch.stack([row[key] for row in validated]) for key in ("image", "target"))
    for epoch in (1, 2):
        saved = torch.load(RunTree(tmp_path).checkpoint(epoch), weights_only=True)
        state = saved["state_dict"]
        probs = (images @ state["net.weight"].T + state["net.bias"]).sigmoid()
        ours, theirs = decide(LABELS, probs.numpy(), target.numpy()), Decision.from_plain(saved["decision"])
        assert (theirs.images, theirs.dataset, theirs.rule, theirs.macro_f1) == (50, "valid", ours.rule, ours.macro_f1)
        assert theirs.thresholds == pytest.approx(ours.thresholds, abs=1e-6)
        assert [c.method for c in theirs.calibration] == [c.method for c in ours.calibration]
        assert theirs.calibrated(probs.numpy()) == pytest.approx(ours.calibrated(probs.numpy()), abs=1e-5)


@pytest.mark.parametrize(("count", "config"), [(19, {"labels": LABELS}), (50, None), (50, {"labels": None})])
def test_too_few_images_or_labels_without_names_leave_none(tmp_path, count, config):
    train(tmp_path, rows(count, 1), config)
    assert torch.load(RunTree(tmp_path).checkpoint("last"), weights_only=True).get("decision") is None


class InTheMiddle(pl.Callback):
    """Saves after every step."""

    def on_train_batch_end(self, trainer, *_):
        trainer.save_checkpoint(Path(trainer.default_root_dir) / f"step_{trainer.global_step}.ckpt")


def test_weights_that_changed_since_the_validation_have_none(tmp_path):
    train(tmp_path, rows(50, 1), {"labels": LABELS}, InTheMiddle())
    saved = [torch.load(path, weights_only=True) for path in tmp_path.glob("step_*.ckpt")]
    assert len(saved) == 8
    assert not any("decision" in content for content in saved)
