"""Checkpoints on disk: never half of one, and read without running code that lies in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from hpa_lit.errors import InputError, listing
from hpa_lit.files.tree import RunTree
from hpa_lit.files.writing import replacing
from hpa_lit.nets.state_files import read_checkpoint

NEEDED = ("state_dict", "optimizer_states", "loops", "callbacks")  # of a checkpoint that a training goes on from


class CheckpointFiles(TorchCheckpointIO):
    """How Lightning writes and reads checkpoints.

    By itself it writes into the system's temporary folder, which may be full when the run's is not, and moves the file,
    of which a full disk leaves half under its name; and its older releases run what code a checkpoint holds.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint beside its place, then rename it into it.

        Raises:
            InputError: It cannot be written; what was there is whole.
        """
        path = Path(path)
        if path.name.startswith("hpc_ckpt"):
            return  # Lightning's, when SLURM is about to end the job: in the middle of a step, where nothing goes on
        with replacing(path) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint, its tensors on the CPU; it never runs code, whatever is asked for.

        Raises:
            InputError: It is not whole, or none that a training can go on from.
        """
        return read_whole(Path(path))


def read_whole(path: Path) -> dict[str, Any]:
    """Read a checkpoint that a training can go on from.

    Raises:
        InputError: It is none, or not whole.
    """
    content = read_checkpoint(path)
    if not isinstance(content, Mapping) or not set(NEEDED) <= content.keys():
        raise InputError(f"{path} is no checkpoint of a training")
    return dict(content)


def newest_whole(run: RunTree) -> tuple[Path | None, list[str]]:
    """The checkpoint that a run goes on from, and why newer ones cannot serve.

    Returns:
        None where there are no checkpoints.

    Raises:
        InputError: There are some, and none is whole.
    """
    broken: list[str] = []
    for path in (run.checkpoint("last"), *reversed(run.numbered_checkpoints()), run.checkpoint("best")):
        if path.is_file():
            try:
                read_whole(path)
            except InputError as error:
                broken.append(str(error))
            else:
                return path, broken
    if broken:
        raise InputError(
            "none of the run's checkpoints can be gone on from; bring one back, or train anew by tag=NAME:\n"
            f"{listing(broken)}"
        )
    return None, broken
