"""Where train puts a run."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose

from hpa_lit.cli.command import FOLDER, quoted, written_out


def run_folder(words: Sequence[str]) -> Path:
    """The folder of the run that train makes of these words, by train's own config; inside a command."""
    config = compose("train", list(map(quoted, written_out(words, FOLDER))), return_hydra_config=True)
    return Path(config.hydra.run.dir)
