"""What a training says, by Lightning's own loop over a metric that is known."""

import re

import pytest
import pytorch_lightning as pl
import torch
from small_run import QUIET
from torch.utils.data import DataLoader

from hpa_lit.tasks import EpochLines

SCORES = [0.5, 0.7, 0.6, 0.4]


class Scored(pl.LightningModule):
    """Trains nothing much, and has the scores above."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 3e-4)

    def training_step(self, batch, batch_idx):
        self.log("lr", 3e-4)
        self.log("train/loss", float(batch_idx), on_step=False, on_epoch=True, batch_size=1)
        return self.layer(batch).sum()

    def validation_step(self, batch, batch_idx):
        self.log("valid/macro_f1", SCORES[self.current_epoch])
        self.log("valid/focal", 2 * SCORES[self.current_epoch])


def train(lines, folder, epochs=4, resumed=None):
    loaders = [DataLoader(torch.ones(count, 1)) for count in (3, 2)]
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[lines],
        **QUIET,
        default_root_dir=folder,
    )
    trainer.fit(Scored(), *loaders, ckpt_path=resumed)
    return trainer


def test_a_line_an_epoch_counted_from_1_with_the_best_marked(tmp_path, capsys):
    train(EpochLines("valid/focal", "min"), tmp_path)
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if line.startswith("epoch")]
    expected = [
        r"epoch 1/4  loss 1\.0000  valid/focal 1\.0000  macro F1 0\.5000  rate 3e-4  \d+ s  left \d+ s  best",
        r"epoch 2/4  loss 1\.0000  valid/focal 1\.4000  macro F1 0\.7000  rate 3e-4  \d+ s  left \d+ s",
        r"epoch 3/4  loss 1\.0000  valid/focal 1\.2000  macro F1 0\.6000  rate 3e-4  \d+ s  left \d+ s",
        r"epoch 4/4  loss 1\.0000  valid/focal 0\.8000  macro F1 0\.4000  rate 3e-4  \d+ s  best",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line
    assert "\r" not in out + err
    assert "Sanity" not in out + err


def test_a_resumed_training_knows_the_best_before_it(tmp_path, capsys):
    lines = EpochLines("valid/macro_f1", "max")
    train(lines, tmp_path, 2).save_checkpoint(tmp_path / "last.ckpt")
    capsys.readouterr()
    train(EpochLines("valid/macro_f1", "max"), tmp_path, 4, tmp_path / "last.ckpt")
    out = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line[:9] for line in out] == ["epoch 3/4", "epoch 4/4"]
    assert not any(line.endswith("best") for line in out)


def test_a_metric_comes_once_and_one_that_is_absent_not_at_all(tmp_path, capsys):
    train(EpochLines("valid/macro_f1", "max"), tmp_path, 1)
    train(EpochLines("valid/map5", "max"), tmp_path, 1)
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch"))
    assert re.fullmatch(r"epoch 1/1  loss 1\.0000  macro F1 0\.5000  rate 3e-4  \d+ s  best", first)
    assert re.fullmatch(r"epoch 1/1  loss 1\.0000  macro F1 0\.5000  rate 3e-4  \d+ s", second)


@pytest.mark.parametrize("bar", [True, False])
def test_a_terminal_shows_the_epoch_and_its_validation_too(tmp_path, terminal, monkeypatch, bar):
    clock = iter(range(10000))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))
    with terminal(60) as written:
        train(EpochLines("valid/focal", "min", bar), tmp_path, 2)
        shown = written()
    assert ("epoch 1/2:" in shown) == ("epoch 2/2 validation:" in shown) == bar
    assert all(len(part) <= 60 for part in re.split(r"[\r\n]", re.sub(r"\x1b\[A", "", shown)))
    assert not re.search("Sanity|v_num|epoch 0|Epoch", shown)
