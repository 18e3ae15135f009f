"""Rubbish is answered in one sentence, and nothing is lost to it."""

import hashlib
import re
import sys
from importlib import import_module
from itertools import groupby

import pytest

from hpa_lit.errors import BAD_INPUT
from rubbish import checkpoints, names, pictures, prediction_files, settings, tables
from rubbish.case import COMMANDS
from rubbish.world import build, clone

PARTS = (settings, tables, names, pictures, checkpoints, prediction_files)
CASES = sorted((case for part in PARTS for case in part.CASES), key=lambda case: case.verb)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    home = tmp_path_factory.mktemp("whole")
    build(home)
    return home


def content(home):
    """A digest of every file."""
    paths = [path for path in sorted(home.rglob("*")) if path.is_file()]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def named(number, case):
    """A case by name; two of three are for the slow tests: all of them take a minute and a half."""
    marks = pytest.mark.slow if number % 3 else ()
    return pytest.param(case, id=f"{case.verb}-{case.name.replace(' ', '_')}", marks=marks)


@pytest.mark.parametrize("case", [named(number, case) for number, case in enumerate(CASES)])
def test_rubbish_is_answered_in_one_sentence(case, whole, tmp_path, monkeypatch, capfd):
    clone(whole, tmp_path)
    case.make(tmp_path)
    before = content(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"hpa-lit {case.verb}", *case.line])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        import_module(f"hpa_lit.{case.verb}").main()
    said = capfd.readouterr().err
    assert ended.value.code == BAD_INPUT, said
    sentence = said.removeprefix("error: ").rstrip("\n")
    assert sentence != said, said
    assert re.search(case.sentence, sentence, re.DOTALL), said
    assert "Traceback" not in said
    assert "InputError(" not in said
    after = content(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert case.writes or after.keys() == before.keys()


def test_there_are_more_than_two_hundred_cases_each_by_a_name_of_its_own():
    assert len(CASES) >= 200
    assert len({(case.verb, case.name) for case in CASES}) == len(CASES)
    assert {verb for verb, _ in groupby(CASES, key=lambda case: case.verb)} == COMMANDS.keys()
