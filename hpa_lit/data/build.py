"""The data module that a config names."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from hpa_lit.data.atlas import AtlasDataModule
from hpa_lit.data.cells import CellDataModule
from hpa_lit.data.folder import FolderDataModule
from hpa_lit.data.module import ImageDataModule
from hpa_lit.errors import InputError

OURS = {
    "hpa_lit.data.AtlasDataModule": AtlasDataModule,
    "hpa_lit.data.CellDataModule": CellDataModule,
    "hpa_lit.data.FolderDataModule": FolderDataModule,
}


def build_data(config: Mapping[str, Any], trust: bool = False, **changed: Any) -> ImageDataModule:
    """Build the data module of a run's config, to predict with: without its augmentation.

    Args:
        config: ``_target_`` and its arguments.
        trust: Build what is not ours too, which runs its code.
        changed: Arguments in place of those of the config.

    Raises:
        InputError: The target is not ours and is not trusted, does not exist, or does not take the arguments.
    """
    target = config["_target_"]
    if target not in OURS and not trust:
        raise InputError(
            f"the data of this run come from {target}, which is not part of hpa_lit: set trust=true to run its code"
        )
    arguments = {key: value for key, value in config.items() if key not in ("_target_", "name", "augment")} | changed
    try:
        made: ImageDataModule = (OURS.get(target) or resolve_name(target))(**arguments)
    except InputError:
        raise
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(
            f"data._target_={target} cannot be built: {error}; it is called with {', '.join(arguments)}"
        ) from error
    return made
