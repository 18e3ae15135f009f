"""What the Tab key completes after ``hpa-lit``: commands, keys, and what may be written for a key.

The scripts beside this file ask for `candidates` at every Tab. Keys and choices are read off the configs without Hydra,
whose start takes a second.
"""

import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir

FLAGS = ("--help", "--version", "--cfg", "--multirun", "--config-dir")
FILES = "/"  # stands for the names of files, which a shell knows best
SHELLS = ("bash", "zsh")


def script(words: Sequence[str]) -> str:
    """What a shell is to run, so that it completes.

    Raises:
        InputError: The words are no name of a shell that is known.
    """
    if len(words) != 1 or words[0] not in SHELLS:
        raise InputError(f'name your shell, {" or ".join(SHELLS)}, as in: eval "$(hpa-lit completion bash)"')
    return Path(__file__).with_name(f"completion.{words[0]}").read_text()


def candidates(line: str, commands: Iterable[str]) -> list[str]:
    """What may stand at the end of a command line.

    Args:
        line: From ``hpa-lit`` up to the cursor.
        commands: Names of the commands.

    Returns:
        Words that begin as the last one does; of ``key=value`` the values alone. What ends in ``=`` or ``.`` is to be
        gone on with, `FILES` stands for names of files.
    """
    _, *before, word = ["", *re.split(r"(?<!\\)\s+", line.lstrip())]
    verb = before[1] if len(before) > 1 else None
    if verb is None:
        found: Iterable[str] = [*commands, "completion", "--help", "--version"]
    elif verb == "completion":
        found = SHELLS
    elif verb not in commands:
        found = []
    elif before[-1] == "--cfg":
        found = ["job", "hydra", "all"]
    elif before[-1] == "--config-dir":
        return [FILES]
    elif word.startswith("-"):
        found = FLAGS
    else:
        key, sign, value = word.lstrip("+").partition("=")
        folders = [Path(conf_dir()), *_own_folders(before)]
        if sign:
            return [one for one in _values(verb, key, value, folders) if one == FILES or one.startswith(value)]
        word, found = key, _keys(verb, key, folders)
    return [one for one in found if one.startswith(word)]


def _own_folders(words: Sequence[str]) -> Iterator[Path]:
    """The folders of somebody's configs that are on a command line."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--config-dir":
            yield Path(following)
        elif word.startswith("--config-dir="):
            yield Path(word.partition("=")[2])


def _keys(verb: str, key: str, folders: Sequence[Path]) -> list[str]:
    """The keys on the level of a dotted key: ``data=``, and ``data.`` where there are some below."""
    settings, groups = _config(verb)
    for group in groups:
        for path in _options(group, folders):
            if not path.read_text().startswith("# @package _global_"):
                settings[group] = (settings.get(group) or {}) | _read(path)
                settings[group].pop("defaults", None)
    *above, _ = key.split(".")
    node: Any = settings
    for name in above:
        node = node.get(name) if isinstance(node, dict) else None
    prefix, here = ".".join([*above, ""]), node if isinstance(node, dict) else {}
    found = {f"{prefix}{name}{'.' if isinstance(it, dict) else '='}" for name, it in here.items() if name[0] != "_"}
    return sorted(found if above else found | {f"{group}=" for group in groups})


def _values(verb: str, key: str, value: str, folders: Sequence[Path]) -> Iterator[str]:
    """What may be written for a key, behind what a list has already."""
    if options := _options(key, folders):
        begun = value[: 1 + max(value.rfind(","), value.rfind("["))]
        yield from (f"{begun}{name}" for name in sorted({path.stem for path in options} - {"base"}))
    elif _config(verb)[0].get(key) == FILES:
        yield FILES
    else:
        settings = getattr(importlib.import_module(f"hpa_lit.{verb}"), f"{verb.title()}Settings")
        yield from settings.words(key)


def _options(group: str, folders: Sequence[Path]) -> list[Path]:
    """The files of a config group."""
    return [path for folder in folders for path in (folder / group).glob("*.yaml")] if group else []


def _config(name: str) -> tuple[dict[str, Any], list[str]]:
    """The settings of a command and its config groups; what its help alone names is short for a path."""
    config, settings, groups = _read(Path(conf_dir()) / f"{name}.yaml"), dict[str, Any](), list[str]()
    for entry in config.pop("defaults"):
        if isinstance(entry, dict):
            groups += [group for group in entry if " " not in group]
        elif entry != "_self_":
            more, more_groups = _config(entry)
            settings, groups = settings | more, groups + more_groups
    named = config.pop("hydra", {}).get("help", {}).get("footer", "")
    short = [key for key in re.findall(r"^  (\w+)  ", named, re.MULTILINE) if key not in groups]
    return dict.fromkeys(short, FILES) | settings | config, groups


def _read(path: Path) -> dict[str, Any]:
    """A config by itself, without those that it names."""
    found: dict[str, Any] = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    return found
