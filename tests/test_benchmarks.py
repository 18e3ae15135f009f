"""Every benchmark at a small size: each asserts that the fast way and the plain one give the same."""

import importlib
import json

import pytest

from benchmarks import measure
from benchmarks.__main__ import ORDER

SLOW = ("training", "prediction", "portable", "finetuning", "learning", "drawn_weights", "evidence", "answers")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in ORDER]
)
def test_the_fast_way_gives_what_the_plain_way_gives(name, monkeypatch):
    monkeypatch.delenv("HPA_LIT_SHARED", raising=False)
    outcome = importlib.import_module(f"benchmarks.{name}").run(small=True)
    assert outcome.figures
    json.dumps(outcome.figures)


def test_results_become_the_table(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    marks = "a\n<!-- results -->\nstale\n<!-- end of results -->\nb\n<!-- machines -->\n<!-- end of machines -->"
    page.write_text(marks)
    monkeypatch.setattr(measure, "PAGE", page)
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    row = measure.Row("thresholds", "50 x", "99 x", "2 x")
    facts = measure.facts() | {"load_after": 0.0}
    for _ in range(2):
        measure.write("thresholds", facts, measure.Outcome([row], {"ratio": 99.0}))
    text = page.read_text()
    assert text.startswith("a\n<!-- results -->\n| work |")
    assert text.count("| thresholds | 50 x | 99 x | 2 x |  | thresholds |") == 1
    assert "stale" not in text
    assert "b\n<!-- machines -->" in text
    assert json.loads((tmp_path / "results" / "thresholds.json").read_text())["figures"] == {"ratio": 99.0}
