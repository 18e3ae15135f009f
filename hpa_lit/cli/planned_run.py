"""What train makes of the words that it is started with."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose
from omegaconf import OmegaConf

from hpa_lit.cli.claim import flat
from hpa_lit.cli.command import resolved
from hpa_lit.cli.words import FOLDER, quoted, written_out

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

# What names a run, what its images decide, and what a column of a table of runs says.
NAMES = {"run_name", "run_folder", "tag", "fold", "labels", "num_classes"}
NAMES |= {"scheduler.epochs", "scheduler.T_max", "scheduler.last"}


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


def decisive(config: Mapping[str, Any], names: Collection[str] = NAMES) -> dict[str, Any]:
    """The settings that make a run another, by dotted names, each once: data.seed is what seed says.

    Args:
        config: Of a run.
        names: Keys that are left out, too.
    """
    leaves = flat(dict(config))
    return {
        key: value
        for key, value in leaves.items()
        if key not in names and not key.startswith(FREE_KEYS) and not ("." in key and key.rpartition(".")[2] in leaves)
    }
