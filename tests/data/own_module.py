"""A LightningModule that somebody else could have written, and drawn pictures for it to see."""

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from hpa_lit.files import rgby

SIDE, CROP = 40, 24


class OwnModule(pl.LightningModule):
    """A linear layer on mean colors; keeps the batches that it has seen, by the name of the loop."""

    def __init__(self, num_labels):
        super().__init__()
        self.linear = nn.Linear(4, num_labels)
        self.seen = {"train": [], "valid": [], "test": []}

    def training_step(self, batch, batch_idx):
        self.seen["train"].append(batch)
        scores = self.linear(batch["image"].float().mean((2, 3)) / 255)
        return nn.functional.binary_cross_entropy_with_logits(scores, batch["target"].float())

    def validation_step(self, batch, batch_idx):
        self.seen["valid"].append(batch)

    def test_step(self, batch, batch_idx):
        self.seen["test"].append(batch)

    def predict_step(self, batch, batch_idx):
        return batch

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def make_trainer(**arguments):
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"max_epochs": 1, "num_sanity_val_steps": 0, **arguments},
    )


def joined(batches, key):
    """What all batches hold under a key, one after the other."""
    if isinstance(batches[0][key], list):
        return [value for batch in batches for value in batch[key]]
    return torch.cat([batch[key] for batch in batches])


def draw(folder, ids, side=SIDE):
    """Write a picture of noise for each Id; give them by Id, (side, side, 4)."""
    rng = np.random.default_rng(len(ids))
    pictures = {image_id: rng.integers(0, 256, (side, side, 4), np.uint8) for image_id in ids}
    for image_id, picture in pictures.items():
        rgby.write(folder / f"{image_id}.tif", picture, image_id)
    return pictures
