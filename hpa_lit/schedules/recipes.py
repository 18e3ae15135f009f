"""The schedules of the recipes, as ``conf/scheduler/`` has them."""

from functools import cache
from pathlib import Path

import yaml

from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.schedules.stepped import Stepped


def learning_rate(name: str, epoch: int) -> float:
    """The learning rate of an epoch.

    Args:
        name: A stepped schedule of ``conf/scheduler/``, such as adam45.
        epoch: Counted from 1.

    Returns:
        The absolute rate, such as 3e-4.

    Raises:
        InputError: There is no such schedule or epoch.
    """
    schedules = _stepped()
    if name not in schedules:
        raise InputError(f"there is no schedule {name!r}; the schedules are {', '.join(schedules)}")
    return schedules[name](epoch)


@cache
def _stepped() -> dict[str, Stepped]:
    configs = {path.stem: yaml.safe_load(path.read_text()) for path in Path(conf_dir(), "scheduler").glob("*.yaml")}
    return {name: Stepped(config["rates"]) for name, config in sorted(configs.items()) if "rates" in config}
