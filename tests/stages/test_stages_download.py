"""Downloads from a real server on this machine that misbehaves."""

import contextlib
import http.server
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_atlas import Site

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.rgby import COLORS
from hpa_lit.files.writing import UnwritableError
from hpa_lit.stages import download
from hpa_lit.stages.failures import IncompleteError

Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[[Handler, bytes], None]


def jpeg(size: int = 64) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(size).integers(0, 255, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def send(handler: Handler, body: bytes, length: int | None = None, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def stall(handler: Handler, body: bytes) -> None:
    send(handler, body[:100], len(body))
    time.sleep(3)


def trickle(handler: Handler, body: bytes) -> None:
    send(handler, b"", len(body))
    for byte in body[:30]:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.2)


def as_png(handler: Handler, _: bytes) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    send(handler, buffer.getvalue(), len(buffer.getvalue()))


# Ways to lead to another place.
LEADING: dict[str, Answer] = {
    "moved": lambda h, b: send(h, b"", 0, 301, Location=h.path.replace("moved", "good")),
    "elsewhere": lambda h, b: send(h, b"", 0, 302, Location=f"http://localhost:{h.server.server_port}{h.path}"),
    "other_port": lambda h, b: send(h, b"", 0, 302, Location=f"http://127.0.0.1:1{h.path}"),
}
# Ways to answer, good only at the second attempt or never.
ANSWERS: dict[str, Answer] = {
    "good": lambda h, b: send(h, b, len(b)),
    "no_length": lambda h, b: send(h, b),
    "stalls": stall,
    "trickles": trickle,
    "cut": lambda h, b: send(h, b[:-50], len(b)),
    "cut_silently": lambda h, b: send(h, b[:-50]),
    "length_too_small": lambda h, b: send(h, b, len(b) - 50),
    "page": lambda h, b: send(h, b"<html>sorry</html>", 18),
    "png": as_png,
    "empty": lambda h, b: send(h, b"", 0),
    "no_pixels": lambda h, b: send(h, b[: b.index(b"\xff\xda")] + b[-2:]),  # header and end mark alone
    "404": lambda h, b: send(h, b"", 0, 404),
    "429": lambda h, b: send(h, b"", 0, 429, Retry_After="1"),
    "503": lambda h, b: send(h, b"", 0, 503),
    "503_page": lambda h, b: send(h, b, len(b), 503),
}


class Server:
    """Answers by what the Id of the image says: <way>_then_good, or <way> every time."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        server = self

        class Misbehaving(Handler):
            def do_GET(self) -> None:  # noqa: N802 the library's name
                server.asked[self.path] += 1
                server.times.setdefault(self.path, []).append(time.monotonic())
                way = self.path.split("/")[2].rsplit("_", 1)[0]
                way, _, then = way.partition("_then_")
                with contextlib.suppress(OSError):  # the client has given up
                    ANSWERS["good" if then and server.asked[self.path] > 1 else way](self, jpeg())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def source(self, **changes: object) -> download.Source:
        settings = {"connections": 6, "attempts": 3, "timeout": 0.4, "wait": 0.05} | changes
        return download.Source(f"http://127.0.0.1:{self.http.server_port}/", **settings)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def tree_with(root: Path, ways: list[str]) -> DataTree:
    tree = DataTree(root)
    tree.external_csv.parent.mkdir(parents=True)
    pd.DataFrame({"Id": [f"{i}_{way}" for i, way in enumerate(ways)], "Target": "0"}).to_csv(
        tree.external_csv, index=False
    )
    return tree


def test_addresses_stay_below_the_site() -> None:
    for image_id in ("1_../../../x", "1_a?b=c#d", "..\\.._x", "1@evil.org_/x", "1_%2e%2e%2fx"):
        address = httpx.URL(download.url("http://127.0.0.1:8/images", image_id, "red"))
        assert (address.host, address.port, address.query, address.fragment) == ("127.0.0.1", 8, b"", "")
        assert address.raw_path.startswith(b"/images/")
        assert address.raw_path.count(b"/") == 3


def test_no_redirect_leads_to_another_server(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for way, answer in LEADING.items():
        monkeypatch.setitem(ANSWERS, way, answer)
    tree = tree_with(tmp_path, list(LEADING))
    with pytest.raises(IncompleteError, match="8 of 12 failed"):
        download.run(tree, server.source(), dry_run=False)
    assert saved(tree) == {"moved"}
    reasons = pd.read_csv(tree.failures("download"))["reason"]
    assert reasons.str.startswith("the server leads to another one, ").all()
    assert set(server.asked.values()) == {1}  # and is not asked again


def test_no_more_is_taken_than_a_plane_can_have(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST_DOWNLOADED", 10 * len(jpeg()))
    monkeypatch.setitem(ANSWERS, "endless", lambda h, b: send(h, b * 100, 10**12))
    tree = tree_with(tmp_path, ["endless", "good"])
    with pytest.raises(IncompleteError, match="4 of 8 failed"):
        download.run(tree, server.source(), dry_run=False)
    assert saved(tree) == {"good"}
    reasons = pd.read_csv(tree.failures("download"))["reason"]
    assert reasons.str.contains("bytes, which no plane has").all()


def saved(tree: DataTree) -> set[str]:
    folder = tree.raw_images("external")
    assert all(path.read_bytes() == jpeg() for path in folder.iterdir())
    return {path.name.rsplit("_", 1)[0].partition("_")[2] for path in folder.iterdir()}


def test_addresses() -> None:
    url = download.url("http://v18.proteinatlas.org/images", "30741_800_A6_1_cr5", "yellow")
    assert url == "http://v18.proteinatlas.org/images/30741/800_A6_1_cr5_yellow.jpg"


def test_a_server_that_recovers(tmp_path: Path, server: Server) -> None:
    ways = [way if way in ("good", "no_length") else f"{way}_then_good" for way in ANSWERS if way != "404"]
    tree = tree_with(tmp_path, ways)
    download.run(tree, server.source(), dry_run=False)
    assert saved(tree) == set(ways)
    assert len(list(tree.raw_images("external").iterdir())) == len(ways) * len(COLORS)
    assert set(server.asked.values()) == {1, 2}
    waits = [t[1] - t[0] for path, t in server.times.items() if "429" in path]
    assert min(waits) >= 1  # as the server asked


def test_a_bounded_number_is_under_way(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Semaphore(3)

    def slow(handler: Handler, body: bytes) -> None:
        crowded = not waiting.acquire(blocking=False)
        time.sleep(0.05)
        if not crowded:
            waiting.release()
        send(handler, body, len(body), 404 if crowded else 200)

    monkeypatch.setitem(ANSWERS, "slow", slow)
    tree = tree_with(tmp_path, ["slow"] * 5)
    download.run(tree, server.source(connections=3), dry_run=False)
    assert saved(tree) == {"slow"}


def test_what_fails_is_listed_and_a_rerun_asks_only_for_that(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [way for way in ANSWERS if way not in ("good", "no_length")]
    tree = tree_with(tmp_path, ["good", "no_length", *bad])
    with pytest.raises(IncompleteError, match=f"{len(bad) * 4} of {(len(bad) + 2) * 4} failed"):
        download.run(tree, server.source(attempts=2, max_wait=0.1), dry_run=False)
    assert saved(tree) == {"good", "no_length"}
    listed = pd.read_csv(tree.failures("download")).set_index("name")["reason"]
    assert len(listed) == len(bad) * 4
    for way, reason in {
        "404": "answered 404",
        "429": "answered 429",
        "503_page": "answered 503",
        "stalls": "ReadTimeout",
        "trickles": "Timeout",
        "cut": "RemoteProtocolError",
        "cut_silently": "cut short",
        "length_too_small": "cut short",
        "page": "no whole JPEG",
        "png": "it is a PNG",
        "no_pixels": "no whole JPEG",
    }.items():
        name = next(name for name in listed.index if name.partition("_")[2].rsplit("_", 1)[0] == way)
        assert reason in listed[name], (way, listed[name])
    assert {count for path, count in server.asked.items() if "404" in path} == {1}  # it will not come back
    assert {count for path, count in server.asked.items() if "503" in path} == {2}

    server.asked.clear()
    monkeypatch.setitem(ANSWERS, "404", ANSWERS["good"])
    with pytest.raises(IncompleteError):
        download.run(tree, server.source(attempts=1), dry_run=False)
    assert "404" in saved(tree)
    assert not [path for path in server.asked if "good" in path or "no_length" in path]


def test_dry_run_says_how_much_is_left(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tree_with(tmp_path, ["good", "good"])
    download.run(tree, server.source(), dry_run=True)
    assert "0 of 8 files are here, 8 are left" in capsys.readouterr().out
    assert not server.asked
    download.run(tree, server.source(), dry_run=False)
    path = tree.raw_images("external") / "0_good_red.jpg"
    path.write_bytes(path.read_bytes()[:-10])  # a file from elsewhere that is not whole
    capsys.readouterr()
    download.run(tree, server.source(), dry_run=True)
    assert "7 of 8 files are here, 1 are left" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"base_url": "v18.proteinatlas.org"}, {"attempts": 0}, {"connections": -1}])
def test_wrong_settings_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        download.Source(**({"base_url": "http://127.0.0.1"} | wrong))


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, ["good"])
    with pytest.raises(InputError, match=r"4 of 4 failed.*\n.*ConnectError"):
        download.run(tree, download.Source("http://127.0.0.1:9", attempts=1), dry_run=False)


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_takes_no_file_ends_it_with_one_sentence(tree: DataTree, site: Site) -> None:
    with pytest.raises(UnwritableError, match=r"external/.*\.jpg cannot be written: File too large"):
        download.run(tree, download.Source(site.address, attempts=2, wait=0.01), dry_run=False)
    assert not tree.failures("download").exists()
    assert not list(tree.raw_images("external").iterdir())
