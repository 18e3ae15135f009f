"""The words of a command line as people write them, and as Hydra reads them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir

# Short keys of commands that look at a folder of anyone's images, see `written_out`.
FOLDER = {key: f"data.{key}" for key in ("images", "labels", "naming", "planes", "z", "pixel_size")}
# What people write who know other Lightning projects, and what serves here.
UNKNOWN = {
    "model.optimizer.lr": "the rates stand in the schedule: scheduler.rates=[[1,{value}]], or, of PyTorch's own "
    "schedulers, scheduler=cosine optimizer.lr={value}",
    "ckpt_path": "the same command goes on from its last checkpoint by itself; hpa-lit predict checkpoint={value} "
    "predicts with one",
}

# Settings that people expect to write as flags.
FLAGS = {"--json": "json=true", "--dry-run": "dry_run=true"}


def quoted(word: str) -> str:
    """A word that Hydra's grammar cannot read, such as ``images=Zellen (neu)``, with its value in quotes."""
    key, sign, value = word.partition("=")
    if not sign or word.startswith("-"):
        return word
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        # A list or a text of which the end is missing is a mistake, and Hydra says where; {id} is part of a pattern.
        if value[:1] in "[{'\"" and "{id}" not in value:
            return word
        return f"{key}={in_quotes(value)}"
    return word


def in_quotes(text: str) -> str:
    """A text between quotes, as Hydra reads it: one inside takes a backslash, which doubles those before it."""
    return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"


def addable(word: str) -> str:
    """``loss={_target_: mine.Loss, gamma: 1}`` with the ``++`` that lets Hydra take keys which the old `loss` lacks."""
    return f"++{word}" if re.match(r"[\w.]+=\{.*\b_target_:", word) else word


def check_choice(word: str) -> None:
    """Raise `InputError` for ``=5``, and for ``loss=5`` where `loss` is a group, which Hydra does not name."""
    key, _, _ = word.partition("=")
    group = Path(conf_dir()) / key.lstrip("+")
    if not key:
        raise InputError(f"{word}: name a setting before =")
    if re.fullmatch(r"[\w/]+=([-+.\d]+|true|false)", word, re.IGNORECASE) and group.is_dir():
        options = sorted(path.stem for path in group.glob("*.yaml") if path.stem != "base")
        raise InputError(f"{word}: choose {', '.join(options)}, or write a mapping {{_target_: NAME, ...}}")


def written_out(words: Sequence[str], short: Mapping[str, str]) -> list[str]:
    """A command line with its short keys written out: ``images=DIR`` is ``data=folder data.images=DIR``.

    Args:
        words: The command line.
        short: The long key of each short one; one that begins with ``data.`` is about data=folder.

    Raises:
        InputError: A short key contradicts another word.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    written = []
    for word in words:
        key, _, value = word.partition("=")
        if (name := key.lstrip("+")) in UNKNOWN and "=" in word:
            raise InputError(f"{name}: {UNKNOWN[name].format(value=value)}")
        if name not in short or "=" not in word:
            written.append(word)
            continue
        long = short[name]
        if long in given:
            raise InputError(f"{word} means {long}={value}, and {long}={given[long]} is given too: leave one out")
        if long.startswith("data."):
            if given.setdefault("data", "folder") != "folder":
                raise InputError(f"{word} is for data=folder, and data={given['data']} is given too: leave one out")
            if "data=folder" not in [*words, *written]:
                written.append("data=folder")
        written.append(f"{long}={value}")
    return written
