"""Bars on a terminal, lines elsewhere."""

import re

import pytest

from hpa_lit import progress as module
from hpa_lit.progress import duration, progress

COLUMNS = 60  # of the terminal


def test_a_terminal_has_a_bar_within_its_width_that_goes_when_all_is_done(terminal, monkeypatch):
    clock = iter(range(10000))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))
    with terminal(COLUMNS) as written:
        assert list(progress(range(30), "resize a set with a long name", 30)) == list(range(30))
        shown = [part for part in re.split(r"[\r\n]", written()) if part]
    assert any("resize a set with a long name" in part for part in shown)
    assert all(len(part) <= COLUMNS for part in shown)
    assert not shown[-1].strip()


def test_elsewhere_there_is_a_line_a_minute_and_no_carriage_return(capsys, monkeypatch):
    clock = iter([0.0, *(20.0 * number for number in range(1, 11))])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    assert list(progress(range(10), "resize train", 10)) == list(range(10))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "resize train: 3 of 10 images, 60 s, left 2 min",
        "resize train: 6 of 10 images, 2 min, left 80 s",
        "resize train: 9 of 10 images, 3 min, left 20 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5900, "98 min"), (12000, "3 h 20 min"), (187200, "2 d 4 h")],
)
def test_how_long_something_takes(seconds, words):
    assert duration(seconds) == words
