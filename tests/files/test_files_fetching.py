"""One large file from a real server on this machine that cuts, stalls, and leads elsewhere."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from loopback import serving

from hpa_lit.errors import InputError
from hpa_lit.files import fetching
from hpa_lit.files.fetching import Patience, fetch
from hpa_lit.files.tree import being_fetched

CONTENT = np.random.default_rng(0).integers(0, 256, 3 * 2**20 + 17).astype(np.uint8).tobytes()
FETCH = """
import sys
from pathlib import Path
from hpa_lit.files.fetching import fetch
fetch(sys.argv[1], Path(sys.argv[2]))
"""
QUICK = Patience(attempts=4, timeout=0.5, wait=0.01)


@pytest.fixture
def server():
    with serving(CONTENT) as server:
        yield server


def left(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "manners", [[], ["cut"], ["cut", "cut", "cut"], ["stall"], ["busy", "cut"], ["cut", "other_part"]]
)
def test_what_is_missing_is_asked_for_and_all_is_there(server, tmp_path, manners):
    server.manners = list(manners)
    fetch(f"{server.url}/x.bin", tmp_path / "in" / "x.bin", patience=QUICK)
    assert (tmp_path / "in" / "x.bin").read_bytes() == CONTENT
    assert left(tmp_path / "in") == ["x.bin"]
    halves = [None, f"bytes={len(CONTENT) // 2}-"]
    if manners == ["cut"]:
        assert server.asked == halves
    if manners == ["cut", "other_part"]:
        assert server.asked == [*halves, None]  # begun anew


def test_a_later_start_goes_on_and_one_that_lacked_only_the_name_is_done(server, tmp_path):
    server.manners = ["cut", "404"]
    with pytest.raises(InputError, match=r"the server answered 404; see whether the file is still published"):
        fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert being_fetched(tmp_path / "x.bin").stat().st_size == len(CONTENT) // 2
    being_fetched(tmp_path / "x.bin").write_bytes(CONTENT)  # as if killed at the very end
    server.asked.clear()
    fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_half_of_one_file_is_never_joined_to_half_of_another(server, tmp_path):
    server.manners = ["cut", "404"]
    with pytest.raises(InputError):
        fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    server.content = other = bytes(reversed(CONTENT))
    fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert (tmp_path / "x.bin").read_bytes() == other


def test_without_a_tag_it_begins_anew(server, tmp_path):
    server.tags, server.manners = False, ["cut"]
    fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert server.asked == [None, None]
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_what_is_not_what_was_to_come_gets_no_name(server, tmp_path):
    def check(path):
        if path.read_bytes() != CONTENT:
            raise InputError("it is another")

    server.manners = ["no_length"]  # a cut that nobody notices
    with pytest.raises(InputError, match="it is another"):
        fetch(f"{server.url}/x.bin", tmp_path / "x.bin", check, QUICK)
    assert left(tmp_path) == []
    fetch(f"{server.url}/x.bin", tmp_path / "x.bin", check, QUICK)
    assert left(tmp_path) == ["x.bin"]


def test_an_offline_machine_is_told_the_address_and_the_place(tmp_path):
    with pytest.raises(
        InputError, match=r"http://127\.0\.0\.1:9/x\.bin cannot be fetched \(ConnectError.*put it at .*x\.bin"
    ):
        fetch("http://127.0.0.1:9/x.bin", tmp_path / "x.bin", patience=QUICK)


@pytest.mark.parametrize(
    ("leads", "said"),
    [
        ("http://example.org/x.bin", r"http://example\.org/x\.bin is no https address"),
        ("ftp://127.0.0.1/x.bin", r"leads nowhere"),
        ("/again", r"leads nowhere: Exceeded maximum allowed redirects"),
    ],
)
def test_redirects_lead_to_https_and_not_for_ever(server, tmp_path, leads, said):
    server.manners = [leads] * 10
    with pytest.raises(InputError, match=said):
        fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert len(server.asked) <= 1 + fetching.MOST_REDIRECTS
    assert left(tmp_path) == []


def test_http_is_for_this_machine_alone(tmp_path):
    with pytest.raises(InputError, match=r"http://example\.org/x\.bin is no https address, .*: use https"):
        fetch("http://example.org/x.bin", tmp_path / "x.bin", patience=QUICK)


def test_a_redirect_on_the_way_is_followed(server, tmp_path):
    server.manners = ["/assets/y.bin"]
    fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("manner", ["good", "no_length"])
def test_no_file_fills_the_disk(server, tmp_path, manner, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_FETCHED", 2**20)
    server.manners = [manner]
    with pytest.raises(InputError, match=r"more than 1,048,576 bytes, which no weights have"):
        fetch(f"{server.url}/x.bin", tmp_path / "x.bin", patience=QUICK)


def test_a_second_process_waits_for_the_first(server, tmp_path):
    server.manners = ["stall"]
    first = threading.Thread(target=fetch, args=(f"{server.url}/x.bin", tmp_path / "x.bin", lambda _: None, QUICK))
    second = subprocess.Popen(
        [sys.executable, "-c", FETCH, f"{server.url}/x.bin", str(tmp_path / "x.bin")], stderr=subprocess.PIPE, text=True
    )
    first.start()
    first.join()
    _, said = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert left(tmp_path) == ["x.bin"]
    assert len(server.asked) == 2  # what one of them missed; the other asked for nothing
