"""How batches are asked for, and the processes that load them."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice, repeat
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, DistributedSampler, default_convert

from hpa_lit.errors import InputError
from hpa_lit.processes import serve_parent


class EpochSampler(DistributedSampler[tuple[int, int]]):
    """A `DistributedSampler` that says the epoch with every row, for `ImageDataset`.

    Also used in a single process, so that batch k holds the same images however many ranks share it.

    Args:
        shared: See `DistributedSampler`.
        drawn: From the epoch to the row that comes in the place of each, (N,); None takes each as it is.
        named: See `DistributedSampler`.

    Attributes:
        passed: Rows to pass over once, at the beginning of the next epoch.
    """

    passed = 0

    def __init__(self, *shared: Any, drawn: Callable[[int], npt.NDArray[np.int64]] | None = None, **named: Any) -> None:
        super().__init__(*shared, **named)
        self.drawn = drawn

    def __iter__(self) -> Iterator[tuple[int, int]]:
        passed, self.passed = self.passed, 0
        rows = None if self.drawn is None else self.drawn(self.epoch)
        place: Any
        for place in islice(super().__iter__(), passed, None):
            yield self.epoch, place if rows is None else int(rows[place])


class EpochLoader(DataLoader[Any]):
    """A `DataLoader` whose workers begin when the first batch of an epoch is asked for.

    Lightning makes the iterator of a resumed training before it tells the sampler the epoch, and workers otherwise
    begin with the iterator.

    Attributes:
        seen: Batches of the next epoch that a training saw before it was stopped; each comes as None.
    """

    seen = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        seen, self.seen = self.seen, 0
        yield from repeat(None, seen)
        if seen:
            assert isinstance(self.sampler, EpochSampler)
            assert self.batch_size is not None
            self.sampler.passed = seen * self.batch_size
        yield from super().__iter__()


@contextmanager
def workers_alive() -> Iterator[None]:
    """Raise `InputError` where a process that loads images is gone, of which torch tells at any place in the block."""
    try:
        try:
            yield
        except (ConnectionError, EOFError):
            time.sleep(1)  # it ended in the middle of a word; the signal that tells of that may still come
            raise
    except RuntimeError as error:
        if not re.match(r"DataLoader worker \(pid", str(error)):
            raise
        raise InputError(
            f"a process that loads images is gone, as where memory runs out ({' '.join(str(error).split())}): give the "
            "machine more, or load with fewer by data.workers in training and workers elsewhere"
        ) from error


def loader(dataset: Any, batch_size: int, workers: int, pin_memory: bool = False, **options: Any) -> EpochLoader:
    """A loader of a data set that gives whole batches.

    Args:
        dataset: With ``__getitems__`` from rows to a batch.
        batch_size: Rows in a batch.
        workers: Processes; 0 loads in this one.
        pin_memory: Load into memory that a GPU copies from fast.
        options: More of `DataLoader`, such as sampler.
    """
    return EpochLoader(
        dataset,
        batch_size=batch_size,
        collate_fn=default_convert,  # they come as batches
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin_memory,
        worker_init_fn=begin_worker,
        **options,
    )


def one_thread(worker: int) -> None:
    """Keep OpenCV from starting a thread a core in every worker."""
    cv2.setNumThreads(0)


def begin_worker(worker: int) -> None:
    """Keep a worker from starting threads, and from outliving those it works for."""
    one_thread(worker)
    serve_parent()
