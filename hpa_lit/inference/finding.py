"""Which trained model is meant."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpa_lit.errors import InputError
from hpa_lit.files.bundle import is_bundle
from hpa_lit.files.tree import OutputTree, RunTree
from hpa_lit.inference.model import ATLAS_FIELD, Epoch, Model, describe
from hpa_lit.inference.published import published_model, weights_of

# The settings that say which model is meant: arguments of `find_model`.
CHOOSING = ("run", "epoch", "checkpoint", "model", "arch", "data", "trust")


def find_model(
    outputs: OutputTree,
    run: Path | str | None = None,
    epoch: Epoch = "best",
    checkpoint: Path | str | None = None,
    arch: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    changed_keys: Collection[str] = (),
    trust: bool = False,
    model: str | None = None,
) -> tuple[Model, RunTree]:
    """The model that is meant, and the folder of what is made with it.

    Args:
        outputs: Where results of a single file go.
        run: Folder of a training run, or a bundle.
        epoch: Of the run: "best", "last", or the number of an epoch, counted from 1.
        checkpoint: A file, instead of a run.
        arch: Of a checkpoint of the reference, see `describe`; likewise `data` and `changed_keys`.
        data: How it saw images.
        changed_keys: Keys of `data` that replace what a run's checkpoint says.
        trust: Whether to run the code of a network that is not ours.
        model: The name of a published model, instead of a run or a file; fetched where it is not here yet.

    Raises:
        InputError: There is no such model, or what is said of it contradicts its file.
    """
    if model is not None:
        return _published(model, run or checkpoint, arch, data, changed_keys), outputs.of_model(model)
    path, home = find_checkpoint(run, epoch, checkpoint, outputs)
    return describe(path, arch, data, changed_keys, trust), home


def _published(
    name: str,
    other: Path | str | None,
    arch: Mapping[str, Any] | None,
    data: Mapping[str, Any] | None,
    changed_keys: Collection[str],
) -> Model:
    if other is not None:
        raise InputError(f"model={name} and {other} are two models: leave one out")
    if arch is not None:
        raise InputError(f"model={name} is known to be a {published_model(name).arch}: leave arch out")
    entry = published_model(name)
    seen = {"image_size": entry.image_size, "crop_size": entry.crop_size, "bits": "auto"}
    seen |= {"target_pixel_size": ATLAS_FIELD / entry.image_size}
    changed = {key: (data or {})[key] for key in changed_keys}
    model = describe(weights_of(entry), {"arch": entry.arch}, {**seen, **changed})
    return replace(model, run=name, remark=f"model={name}: {entry.remark}")


def find_checkpoint(
    run: Path | str | None, epoch: Epoch, checkpoint: Path | str | None, outputs: OutputTree
) -> tuple[Path, RunTree]:
    """The checkpoint that is asked for, and the folder of what is made with it.

    Args:
        run: Folder of a training run, or a bundle.
        epoch: Of the run: "best", "last", or the number of an epoch, counted from 1.
        checkpoint: A file, instead of a run.
        outputs: Where results of a single file go.

    Raises:
        InputError: Both or none are given, or the run has no such checkpoint; lists those that are there.
    """
    if (run is None) == (checkpoint is None):
        raise InputError(
            "say which model: run=FOLDER of a training run, checkpoint=FILE, or model=NAME of hpa-lit models"
        )
    if run is not None and is_bundle(Path(run)):
        if epoch != "best":
            raise InputError(f"epoch={epoch}: {run} holds one checkpoint, leave epoch out")
        checkpoint = run
    if checkpoint is not None:
        return Path(checkpoint), outputs.of_checkpoint(Path(checkpoint))
    tree = RunTree(Path(str(run)))
    if not (isinstance(epoch, int) or epoch in ("best", "last")):
        raise InputError(f"epoch={epoch}: choose best, last, or the number of an epoch")
    path = tree.checkpoint(epoch)
    if not path.is_file():
        there = sorted(other.stem for other in path.parent.glob("*.ckpt"))
        raise InputError(
            f"{run} has no checkpoint {path.name}; "
            + (f"it has {', '.join(there)}" if there else "it is no folder of a training run, or no epoch has ended")
        )
    return path, tree
