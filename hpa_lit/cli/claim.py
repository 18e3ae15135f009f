"""A folder holds the config it was made with, and nothing is made in it with another."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hpa_lit.errors import InputError, listing
from hpa_lit.files.writing import replacing


def claim(
    path: Path, settings: dict[str, Any], remedy: str, free: tuple[str, ...] = (), results: Sequence[Path] = ()
) -> None:
    """Write a config into the folder it is for; refuse a folder that was made with another.

    Args:
        path: The config's file in that folder.
        settings: Plain containers.
        remedy: The setting that leads to another folder, such as ``tag=NAME``.
        free: Beginnings of dotted keys that may differ: where something runs, not what it computes.
        results: Files that are not there before their config is, unless they are somebody else's.

    Raises:
        InputError: Other keys differ, or results are there without a config; names them.
    """
    if path.is_file():
        if changed := differences(path, settings, free):
            raise InputError(
                f"{path.parent} was made with another config; set {remedy} to keep both, or remove the folder:\n"
                f"{listing(changed)}"
            )
    elif found := [result.name for result in results if result.exists()]:
        raise InputError(
            f"{path.parent} has no {path.name} to say what it was made with; set {remedy} to keep what is there, or "
            f"remove the folder:\n{listing(found)}"
        )
    with replacing(path) as temporary:
        OmegaConf.save(OmegaConf.create(settings), temporary)


def differences(path: Path, settings: Mapping[str, Any], free: tuple[str, ...] = ()) -> list[str]:
    """What a folder's config and these settings disagree in, key by key; see `claim`."""
    before, now = flat(OmegaConf.load(path)), flat(dict(settings))
    return [
        f"{key}: {before.get(key, 'absent')} there, {now.get(key, 'absent')} now"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not key.startswith(free)
    ]


def flat(config: Any) -> dict[str, Any]:
    """The leaves of a config, or of plain containers, by their dotted names."""
    leaves: dict[str, Any] = {}

    def collect(node: Any, name: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                collect(value, f"{name}.{key}" if name else str(key))
        else:
            leaves[name] = node

    collect(config if isinstance(config, dict) else OmegaConf.to_container(config), "")
    return leaves
