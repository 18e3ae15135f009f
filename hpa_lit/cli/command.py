"""What every command shares: composing its config with Hydra, and saying what is wrong in words."""

import errno
import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpa_lit import __version__
from hpa_lit.cli import ranks
from hpa_lit.cli.resolvers import groups
from hpa_lit.cli.words import FLAGS, addable, check_choice, quoted, written_out
from hpa_lit.errors import BAD_INPUT, InputError, ended_by, listing, meant
from hpa_lit.files import writing
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.processes import Stopped, stopping_on_signals

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
                known = [group for group, _ in groups(config_name)]
                raise _ended_by(error, [*known, *(key for key in short if "." not in key)]) from error

        return main

    return decorate


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
