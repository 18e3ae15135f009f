"""Many processes, here or on a Dask cluster, over the images of a stage."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import joblib

from hpa_lit.errors import InputError
from hpa_lit.progress import progress

BACKENDS = {"processes": "loky", "dask": "dask"}  # our names and joblib's
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """Who does the work of a stage.

    Args:
        count: Number of processes here, -1 for one a core. A cluster's own number counts there.
        backend: ``processes`` here, or ``dask``: workers of a cluster that see the data folder under the same path.
        scheduler: Address of the cluster, ``tcp://host:port``.
    """

    count: int = -1
    backend: Literal["processes", "dask"] = "processes"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise InputError(f"there is no backend {self.backend!r}: choose from {', '.join(BACKENDS)}")
        if (self.backend == "dask") != (self.scheduler is not None):
            raise InputError("prepare.backend=dask and prepare.scheduler=tcp://host:port belong together")
        if self.count == 0 or self.count < -1:
            raise InputError(f"workers={self.count}: give a number of processes, or -1 for one a core")

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], what: str) -> Iterator[Result]:
        """Apply a function that can be pickled to every item: the results in the order of the items."""
        where = {"scheduler_host": self.scheduler} if self.backend == "dask" else {"n_jobs": self.count}
        try:
            with joblib.parallel_config(BACKENDS[self.backend], **where):
                parallel = joblib.Parallel(return_as="generator")
        except (ImportError, OSError) as error:
            raise InputError(f"no Dask cluster at {self.scheduler}: {error}") from error
        results = parallel(joblib.delayed(function)(item) for item in items)
        yield from progress(results, what, len(items))
