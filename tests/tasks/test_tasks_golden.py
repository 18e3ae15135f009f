"""The training loop and its metrics against the reference's."""

import json
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from small_run import QUIET
from torch import nn
from torch.utils.data import DataLoader

from hpa_lit.losses import ArcFaceLoss, CombinedLoss, arcface_loss
from hpa_lit.schedules import learning_rate
from hpa_lit.tasks import ClassifyTask, EmbedTask
from hpa_lit.tasks.classify import classification_metrics
from hpa_lit.tasks.embed import five_nearest, retrieval_metrics


class WeightsAfterEpoch(pl.Callback):
    def __init__(self):
        self.weights = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.weights.append([p.detach().clone() for p in pl_module.net.parameters()])


def train(task, x, y, epochs):
    rows = [{"image": a, "target": b, "index": i} for i, (a, b) in enumerate(zip(x, y, strict=True))]
    seen = WeightsAfterEpoch()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        gradient_clip_val=1.0,
        callbacks=[seen],
        **QUIET,
    )
    trainer.fit(task, DataLoader(rows, batch_size=10))
    return seen.weights


@pytest.mark.parametrize(("name", "reference"), [("adam45", "cls_Adam45"), ("adam55", "cls_Adam55")])
def test_classifier_training_equals_the_reference(golden, name, reference):
    arrays = np.load(golden / "mini_training.npz")
    epochs = [row["epoch"] for row in json.loads((golden / "mini_training.json").read_text())[reference]]
    net = nn.Linear(12, 28)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(arrays["cls_w0"]))
        net.bias.copy_(torch.from_numpy(arrays["cls_b0"]))
    # The reference ran one pass for each of a few epoch numbers, to go through all rates.
    task = ClassifyTask(net, CombinedLoss(), torch.optim.Adam, lambda epoch: learning_rate(name, epochs[epoch - 1]))
    weights = train(task, torch.from_numpy(arrays["cls_x"]), torch.from_numpy(arrays["cls_y"]), len(epochs))
    for epoch, (weight, bias) in zip(epochs, weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), arrays[f"{reference}_w_after_epoch{epoch}"], rtol=0, atol=1e-6)
        np.testing.assert_allclose(bias.numpy(), arrays[f"{reference}_b_after_epoch{epoch}"], rtol=0, atol=1e-6)


class Centres(nn.Module):
    """Cosines of fixed features with learnt class directions."""

    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(start))

    def forward(self, features):
        return nn.functional.linear(nn.functional.normalize(features), nn.functional.normalize(self.weight))


def test_embedder_training_equals_the_reference(golden):
    arrays = np.load(golden / "mini_training.npz")
    task = EmbedTask(Centres(arrays["ml_w0"]), ArcFaceLoss(), torch.optim.Adam, partial(learning_rate, "face_adam"))
    weights = train(task, torch.from_numpy(arrays["ml_x"]), torch.from_numpy(arrays["ml_y"]).long(), 3)
    for epoch, (weight,) in enumerate(weights, 1):
        np.testing.assert_allclose(weight.numpy(), arrays[f"ml_w_after_epoch{epoch}"], rtol=0, atol=1e-6)


def test_classification_metrics_equal_the_reference(golden):
    arrays, wanted = np.load(golden / "metrics.npz"), json.loads((golden / "metrics.json").read_text())["cls_a"]
    logits, labels = (torch.from_numpy(arrays[f"cls_a/{key}"]) for key in ("logits", "labels"))
    metrics = classification_metrics(logits, labels.long())
    assert metrics["valid/focal"].item() == pytest.approx(wanted["valid_focal"], rel=1e-5)
    assert metrics["valid/macro_f1_all"].item() == pytest.approx(wanted["macro_f1"], rel=1e-5)
    right = ((logits > 0) == (labels > 0)).float().mean()
    assert metrics["valid/accuracy"].item() == pytest.approx(right.item(), rel=1e-6)


def test_a_label_that_no_image_has_counts_as_zero_among_all_alone():
    logits = torch.tensor([[2.0, -2.0, 2.0], [2.0, -2.0, -2.0]])
    target = torch.tensor([[1, 0, 0], [1, 0, 0]])
    metrics = classification_metrics(logits, target)
    assert metrics["valid/macro_f1"].item() == 1
    assert metrics["valid/macro_f1_all"].item() == pytest.approx(1 / 3)
    assert classification_metrics(logits, torch.zeros_like(target))["valid/macro_f1"].item() == 0


def test_retrieval_metrics_equal_the_reference(golden):
    arrays, wanted = np.load(golden / "metrics.npz"), json.loads((golden / "metrics.json").read_text())["ml_a"]
    cosine, codes = (torch.from_numpy(arrays[f"ml_a/{key}"]) for key in ("cosine", "labels"))
    metrics = retrieval_metrics(five_nearest(cosine, codes.long()))
    for ours, theirs in (("top1", "acc1"), ("top5", "acc5"), ("map5", "map5")):
        assert metrics[f"valid/{ours}"].item() == pytest.approx(wanted[f"all_rows_{theirs}"], rel=1e-6)


def test_the_mean_of_row_losses_is_the_loss_of_the_set(golden):
    arrays = np.load(golden / "metrics.npz")
    cosine, codes = (torch.from_numpy(arrays[f"ml_a/{key}"]) for key in ("cosine", "labels"))
    rows = torch.stack([arcface_loss(cosine[[i]], codes[[i]].long()) for i in range(len(codes))])
    assert rows.mean().item() == pytest.approx(arcface_loss(cosine, codes.long()).item(), rel=1e-5)
