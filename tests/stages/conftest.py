"""Fixtures of the preparation's tests."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor
from small_atlas import EXTERNAL, Site, draw_raw

from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.rgby import COLORS
from hpa_lit.stages import download


@pytest.fixture(scope="session")
def raw_atlas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small raw atlas; do not write to it."""
    root = tmp_path_factory.mktemp("atlas")
    draw_raw(DataTree(root))
    return root


@pytest.fixture
def tree(tmp_path: Path, raw_atlas: Path) -> DataTree:
    """A data folder of one's own with the small raw atlas in it."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "raw").mkdir()
    for path in raw_atlas.rglob("*"):
        if path.is_file():
            copy = root / path.relative_to(raw_atlas)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.hardlink_to(path)  # pictures are replaced, never changed in place
    return DataTree(root)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be larger than 5,000 bytes, in the processes that this one starts too."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    get_reusable_executor().shutdown()  # workers that wait for work keep the limits they were started with
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))  # Python ignores the signal that goes with it
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    get_reusable_executor().shutdown()


@pytest.fixture
def site(tree: DataTree) -> Iterator[Site]:
    """A server of the external images, which are then not in the data folder."""
    folder = tree.root.parent / "site"
    for name in EXTERNAL:
        for color in COLORS:
            path = Path(download.url(str(folder), name, color))
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(tree.raw_images("external") / f"{name}_{color}.jpg", path)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(f"http://127.0.0.1:{server.server_port}", folder)
    server.shutdown()
    server.server_close()
