import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dask
import distributed  # noqa: F401 brings the defaults that a test changes for a moment
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import hashes, resize
from hpa_lit.stages.workers import Workers


def halve(number: int, offset: int = 0) -> int:
    return number // 2 + offset


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a Dask cluster of two worker processes on this machine."""
    code = (
        "import sys; from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster('127.0.0.1', n_workers=2, threads_per_worker=1, dashboard_address=None)\n"
        "    print(cluster.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    folder = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.communicate()


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_order(count: int) -> None:
    assert list(Workers(count=count).map(partial(halve, offset=3), range(100), "halve")) == [
        i // 2 + 3 for i in range(100)
    ]


@pytest.mark.parametrize(
    "settings",
    [{"backend": "spark"}, {"backend": "dask"}, {"scheduler": "tcp://127.0.0.1:1"}, {"count": 0}, {"count": -2}],
)
def test_wrong_settings_are_refused(settings: dict) -> None:
    with pytest.raises(InputError, match=r"prepare|backend|workers"):
        Workers(**settings)


def test_a_cluster_that_is_not_there_is_named() -> None:
    soon = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with soon, pytest.raises(InputError, match=r"no Dask cluster at tcp://127.0.0.1:9"):
        list(Workers(backend="dask", scheduler="tcp://127.0.0.1:9").map(halve, [1], "halve"))


@pytest.mark.slow
def test_a_cluster_makes_the_same_bytes(tree: DataTree, scheduler: str) -> None:
    made = {}
    for workers in (Workers(count=1), Workers(backend="dask", scheduler=scheduler)):
        resize.run(tree, ["test"], [512], resize.Conversion(), workers)
        hashes.update(tree, "test", workers, "error")
        for path in (*tree.images("test", 512).iterdir(), tree.hashes("test")):
            assert made.setdefault(path, path.read_bytes()) == path.read_bytes()
            path.unlink()
    assert len(made) == 9
