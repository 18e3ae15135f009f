"""A frozen backbone looks at an image once, however many epochs there are."""

from contextlib import closing

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hpa_lit.data import ImageDataModule
from hpa_lit.data.dataset import LabelledBatch
from hpa_lit.nets import Classifier, Embedder
from hpa_lit.progress import Progress
from hpa_lit.tasks.classify import ClassifyTask
from hpa_lit.tasks.embed import EmbedTask
from hpa_lit.tasks.gather import gather_rows
from hpa_lit.tasks.training import TrainingTask

OURS = (ClassifyTask, EmbedTask)  # one of somebody's own may ask a batch for its images


class FrozenBackbone(pl.Callback):
    """Keeps what a frozen backbone makes of the images that are the same in every epoch.

    These are the images to validate on, and without augmentation those to train on. They go through the backbone before
    the first epoch, and then the head trains on what came of them, 8 D bytes an image, and no image is read again. It
    ends with the weights, bit by bit on a CPU, that it has when every epoch looks at every image. Images that are mixed
    with others go through it in every epoch. Without a frozen backbone, with a pooling that learns, with a task of
    others, and in a `fast_dev_run` nothing happens.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the images."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if type(pl_module) not in OURS or not isinstance(data, ImageDataModule) or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        assert isinstance(pl_module, TrainingTask)
        net = pl_module.net
        if not isinstance(net, Classifier | Embedder) or not net.backbone.frozen or net.head.learnt is not None:
            return
        loaders = data.unchanging_loaders()
        if getattr(pl_module, "mixing", None) is not None:
            loaders.pop("train", None)
        for side, loader in loaders.items():
            data.pooled[side] = _pooled(trainer, pl_module, net, loader, side)


def _pooled(
    trainer: pl.Trainer, task: TrainingTask, net: Classifier | Embedder, loader: DataLoader[LabelledBatch], side: str
) -> Tensor:
    """The pooled maps (N, 2 D) of all images of a loader, over all ranks, in the memory of the machine."""
    rows, made = [], []
    with (
        torch.no_grad(),
        trainer.precision_plugin.forward_context(),
        closing(Progress(f"look at {side}", len(loader), "batches", silent=not trainer.is_global_zero)) as shown,
    ):
        for batch in loader:
            made.append(net.pooled(task.placed(batch["image"].to(task.device))))
            rows.append(batch["index"])
            shown.update()
    (pooled,) = gather_rows(task, torch.cat(rows).to(task.device), torch.cat(made))
    return pooled.cpu()
