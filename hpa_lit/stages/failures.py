"""What a stage could not do while it did the rest."""

from collections.abc import Sequence

import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.writing import replacing


class IncompleteError(InputError):
    """A stage did what it could; its message lists what is left and why."""


def settle(tree: DataTree, stage: str, failures: Sequence[tuple[str, str]], total: int) -> None:
    """End a stage: keep the list of its failures, or remove the one that an earlier run left.

    Args:
        tree: The data folder.
        stage: Name of the stage.
        failures: Name and reason of each.
        total: Out of how many.

    Raises:
        IncompleteError: There are failures.
    """
    path = tree.failures(stage)
    if not failures:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary:
        pd.DataFrame(failures, columns=["name", "reason"]).to_csv(temporary, index=False)
    lines = listing([f"{name}: {reason}" for name, reason in failures])
    raise IncompleteError(
        f"{stage}: {len(failures)} of {total} failed, the rest is done; the whole list is {path}\n{lines}"
    )
