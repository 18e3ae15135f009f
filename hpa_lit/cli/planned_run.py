"""What train makes of the words that it is started with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose
from omegaconf import OmegaConf

from hpa_lit.cli.command import FOLDER, quoted, resolved, written_out

# What a continued run may change: where it runs, not what it computes.
FREE_KEYS = (
    "paths",
    "folder",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.save_on_term",
    "data.root",
    "data.workers",
    "logger",
    "channels_last",
)
# What the images decide where a config leaves it open.
OF_IMAGES = ("num_classes", "labels", "data.image_size")


class PlannedRun(NamedTuple):
    """A run that there may be already.

    Attributes:
        folder: Its folder.
        settings: What it is to be made with, plain containers.
    """

    folder: Path
    settings: Mapping[str, Any]


def planned_run(words: Sequence[str]) -> PlannedRun:
    """The run that train makes of these words, by train's own config; inside a command."""
    config = compose("train", list(map(quoted, written_out(words, FOLDER))), return_hydra_config=True)
    settings = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return PlannedRun(Path(config.hydra.run.dir), resolved(settings))
