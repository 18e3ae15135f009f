"""Making what a config names by `_target_`."""

import warnings
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from pydantic import ValidationError

from hpa_lit.errors import InputError

# What Hydra says instead of the reason.
HINT_OF_HYDRA = ", set env var HYDRA_FULL_ERROR=1 to see chained exception."


def made(group: str, config: Any, **arguments: Any) -> Any:
    """What a config group names by ``_target_``.

    Raises:
        InputError: It does not exist or does not take its arguments.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Argument.* not valid for transform")  # albumentations leaves them out
            return instantiate(config, **arguments, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, InputError):
            raise cause from None
        if cause is None or isinstance(cause, ImportError):
            said = str(error).replace(HINT_OF_HYDRA, f": {_reason(cause)}" if cause else "")
        else:
            said = f"{config['_target_']} does not take its arguments: {_reason(cause)}"
        raise InputError(f"{group}: {' '.join(said.split())}") from error


def _reason(error: BaseException) -> str:
    """What an exception of somebody's part is about, in a line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ValidationError):  # of albumentations
            wrong = {str(it["loc"][0]): it for it in reversed(cause.errors())}
            return "; ".join(f"{name}={it['input']!r}: {it['msg']}" for name, it in wrong.items())
        cause = cause.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
