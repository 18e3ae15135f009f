"""Images mixed with one another: pixels and losses by hand, alike on all ranks, refused where they must be."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from given_images import GivenImages
from omegaconf import OmegaConf
from small_run import QUIET, save_labelled_pictures, save_pictures, stop_after_first_epoch
from test_configs import composed
from torch import nn
from torch.utils.data import DataLoader

from hpa_lit.cli import ranks
from hpa_lit.data.dataset import Examples, draw_of
from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.tree import RunTree
from hpa_lit.losses import CombinedLoss, bce_loss, combined_loss
from hpa_lit.nets import build_classifier
from hpa_lit.tasks import ClassifyTask
from hpa_lit.tasks.mixing import CutMix, MixUp, partners
from hpa_lit.train import TrainSettings, fit, load_data, try_parts, try_task


@pytest.fixture
def images():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, 4, 20, 24), np.uint8))


def test_mixup_is_the_weighted_mean(images):
    before, state = images.clone(), torch.get_rng_state()
    mixed, share = MixUp(1.0)(images, seed=3)
    assert 0.05 < share < 0.95
    wanted = share * before.double() + (1 - share) * before[[4, 0, 1, 2, 3]].double()
    assert mixed.dtype == torch.uint8
    assert (mixed.double() - wanted).abs().max() <= 0.5 + 1e-4  # a grey level is whole
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_cutmix_leaves_its_share_of_each_image(images):
    shares = []
    for seed in range(50):
        mixed, share = CutMix(1.0)(images, seed)
        cut = (mixed != images).any(dim=1)
        assert torch.equal(mixed, torch.where(cut[:, None], partners(images), images))
        rows, columns = cut.any(dim=(0, 2)), cut.any(dim=(0, 1))
        assert share == pytest.approx(1 - rows.sum().item() * columns.sum().item() / (20 * 24), abs=1e-6)
        shares.append(share)
    assert min(shares) < 0.4
    assert max(shares) > 0.9


@pytest.mark.parametrize("mixing", [MixUp(0.4), CutMix(1.0)])
def test_what_is_drawn_is_of_the_seed_alone(images, mixing):
    one, other = mixing(images, 5), mixing(images[:2], 5)
    assert one[1] == other[1]  # as on ranks with other images
    assert torch.equal(one[0], mixing(images, 5)[0])
    assert mixing(images, 6)[1] != one[1]
    alone, share = mixing(images[:1], 5)
    assert torch.equal(alone, images[:1])
    assert share == 1


def test_alpha_draws_as_beta_does(images):
    shares = [MixUp(0.4)(images[:2, :, :1, :1], seed)[1] for seed in range(2000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.var(shares) == pytest.approx(1 / (4 * 1.8), rel=0.07)  # 1 / (4 (2 alpha + 1))


def test_the_sum_of_two_losses_is_that_of_mixed_targets_where_a_loss_is_linear_in_them():
    logits, target = torch.randn(6, 3), torch.eye(3).repeat(2, 1)
    both = 0.3 * bce_loss(logits, target) + 0.7 * bce_loss(logits, partners(target))
    soft = F.binary_cross_entropy_with_logits(logits, 0.3 * target + 0.7 * partners(target), reduction="sum") / 6
    torch.testing.assert_close(both, soft)


class Steps(pl.Callback):
    """The loss of each step."""

    def __init__(self):
        self.losses = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.losses.append(outputs["loss"].item())


class Flat(nn.Module):
    """Mean pixels to three logits, by weights that stay."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, images):
        return self.linear(images.float().mean((2, 3)) / 100)


@pytest.mark.parametrize("mixing", [MixUp(1.0), CutMix(1.0)])
def test_a_step_has_the_loss_of_both_labels(mixing):
    rows = torch.randint(0, 256, (12, 4, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    target = torch.eye(3, dtype=torch.uint8).repeat(4, 1)
    items = [{"image": image, "target": of, "index": n} for n, (image, of) in enumerate(zip(rows, target, strict=True))]
    torch.manual_seed(7)
    task, steps = ClassifyTask(Flat(), CombinedLoss(), torch.optim.SGD, lambda epoch: 1e-12, mixing=mixing), Steps()
    torch.manual_seed(11)
    trainer = pl.Trainer(**QUIET, accelerator="cpu", max_epochs=2, callbacks=[steps])
    trainer.fit(task, DataLoader(items, batch_size=4))
    wanted = []
    for epoch in range(2):
        for number in range(3):
            batch, of = rows[4 * number : 4 * number + 4], target[4 * number : 4 * number + 4]
            mixed, share = mixing(batch, draw_of(11, epoch, number, 1))
            with torch.no_grad():
                logits = task.net(mixed)
            wanted.append(share * combined_loss(logits, of) + (1 - share) * combined_loss(logits, of[[3, 0, 1, 2]]))
    assert steps.losses == pytest.approx([one.item() for one in wanted], rel=1e-5)


def mix_on_ranks(folder, out, processes):
    """Train as one of some ranks that were seeded each in its own way."""
    images = rgby.list_images(folder)
    ids = list(images) * 2
    examples = Examples(ids, [images[i] for i in ids], np.eye(3, dtype=np.uint8)[[0, 1, 0, 1]])
    torch.manual_seed(0)
    task = ClassifyTask(Flat(), CombinedLoss(), torch.optim.Adam, lambda epoch: 1e-2, mixing=MixUp(1.0))
    torch.manual_seed(ranks.is_first())
    steps = Steps()
    data = GivenImages(examples, image_size=40, crop_size=40, batch_size=4, augment=[])
    trainer = pl.Trainer(
        **QUIET,
        accelerator="cpu",
        devices=processes,
        strategy="ddp",
        max_epochs=3,
        callbacks=[steps],
        use_distributed_sampler=False,
    )
    trainer.fit(task, data)
    torch.save(steps.losses, f"{out}{trainer.global_rank}")


@pytest.mark.slow
def test_ranks_have_one_loss(tmp_path):
    save_pictures(tmp_path / "images", 2)
    ranks.launch("test_tasks_mixing:mix_on_ranks", 2, tmp_path / "images", tmp_path / "out", 2)
    one, two = (torch.load(f"{tmp_path / 'out'}{rank}") for rank in range(2))
    assert len(one) == 3
    assert one == two


TINY = ("experiment=small", "data=folder", "data.crop_size=32", "data.workers=0", "batch_size=4", "scheduler.epochs=2")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    save_labelled_pictures(folder, 20)
    return folder


def settings(pictures, folder, *more):
    own = [f"data.images={pictures}", f"data.labels={pictures / 'labels.csv'}", "data.label_list=[one,two,three]"]
    return TrainSettings.of(OmegaConf.create(composed(*TINY, *own, f"paths.outputs={folder}", *more)))


def trained(pictures, folder, *more):
    """The last checkpoint of a training by its command's parts."""
    run = RunTree(folder)
    config, data = load_data(settings(pictures, folder, *more), run)
    try_parts(config, data)
    fit(config.plain(), ranks.trainer_arguments(config.trainer.model_dump()), run, data)
    return torch.load(run.checkpoint("last"), weights_only=True)


def test_a_training_that_was_stopped_mixes_as_one_that_was_not(pictures, tmp_path):
    whole = trained(pictures, tmp_path / "whole", "mixing=cutmix")
    stop_after_first_epoch(tmp_path / "whole", tmp_path / "stopped")
    resumed = trained(pictures, tmp_path / "stopped", "mixing=cutmix")
    torch.testing.assert_close(resumed["state_dict"], whole["state_dict"], rtol=0, atol=0)
    plain = trained(pictures, tmp_path / "plain")
    name = "net.classifier.weight"
    assert not torch.equal(plain["state_dict"][name], whole["state_dict"][name])


def test_images_that_are_mixed_go_through_a_frozen_backbone_in_every_epoch(pictures, tmp_path, monkeypatch):
    net = build_classifier("timm/resnet18", in_channels=3, options={"channels": [16, 32, 64, 128]})
    torch.save(net.backbone.net.state_dict(), tmp_path / "imagenet.pth")
    reads, whole = [], rgby.read_channels
    monkeypatch.setattr(rgby, "read_channels", lambda *a, **k: reads.append(a) or whole(*a, **k))
    frozen = ["arch.freeze=true", f"arch.weights={tmp_path / 'imagenet.pth'}", "augment=none"]
    trained(pictures, tmp_path / "run", "mixing=mixup", *frozen)
    assert len(reads) == 4 + 2 * 16  # validation once


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["mixing=mixup", "mixing.alpha=0"], r"mixing\.alpha=0: give a number above 0"),
        (["+mixing._target_=own.Mixing"], "mixing: Error locating target 'own.Mixing'"),
    ],
)
def test_what_cannot_be_mixed_is_refused_before_training(pictures, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        trained(pictures, tmp_path, *more)
    assert not list(tmp_path.rglob("*.*"))


def test_bags_and_antibodies_are_refused(pictures, tmp_path):
    config = settings(pictures, tmp_path, "mixing=mixup")
    bags = config.model_copy(update={"data": {**config.data, "bag": 8}})
    task = {"_target_": "hpa_lit.tasks.EmbedTask"}
    embedder = config.model_copy(update={"task": task, "targets": "antibodies", "monitor": "valid/map5"})
    for wrong, message in ((bags, r"data\.bag=8: mixing is of single"), (embedder, "EmbedTask mixes no images")):
        with pytest.raises(InputError, match=message):
            try_task(wrong)
    with pytest.raises(InputError, match="these are bags of cells"):
        CutMix(1.0)(torch.zeros(2, 3, 4, 8, 8, dtype=torch.uint8), 0)
