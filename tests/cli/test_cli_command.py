"""The command line before Hydra sees it."""

import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from test_configs import composed

from hpa_lit.cli.words import FOLDER, quoted, written_out
from hpa_lit.errors import InputError


@pytest.mark.parametrize("given", [[], ["data=folder"], ["experiment=small", "tag=x"], ["trainer=cpu", "data=folder"]])
def test_short_and_long_form_are_one_config(given):
    short = written_out([*given, "images=a/b", "labels=c=d.csv"], FOLDER)
    assert "data.labels=c=d.csv" in short
    short = composed(*written_out([*given, "images=a/b", "labels=c.csv"], FOLDER))
    long = composed(*given, "data=folder", "data.images=a/b", "data.labels=c.csv")
    assert short == long
    assert short["run_folder"] == long["run_folder"]
    assert short["data"]["name"] == "folder"


def test_what_is_not_short_stays():
    words = ["hpa-lit train", "-m", "fold=0,1", "data.images=x", "--cfg", "job", "images"]
    assert written_out(words, FOLDER) == words
    assert written_out(["images=x"], {}) == ["images=x"]
    assert written_out(["stage=statistics", "images=x"], {"images": "prepare.images"}) == [
        "stage=statistics",
        "prepare.images=x",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=i768", "images=x"], "images=x is for data=folder, and data=i768 is given too: leave one out"),
        (["labels=x", "data=i512,i768"], "labels=x is for data=folder, and data=i512,i768 is given too"),
        (["images=x", "data.images=y"], "images=x means data.images=x, and data.images=y is given too"),
    ],
)
def test_contradictions_are_one_sentence(words, message):
    with pytest.raises(InputError, match=message):
        written_out(words, FOLDER)


VALUES = ["Zellen (neu)", "Größe", "it's; here", "a b/ü!", "#1", "x=ä", "[1,2]", "{a:1}", "0,1", "'as it is'", "null"]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_what_was_typed(value):
    known = {"[1,2]": [1, 2], "{a:1}": {"a": 1}, "0,1": "0,1", "'as it is'": "as it is", "null": None}
    override = OverridesParser.create().parse_override(quoted(f"tag={value}"))
    if value == "0,1":  # a sweep stays a sweep
        assert override.is_sweep_override()
    else:
        assert override.value() == known.get(value, value)


def test_what_lacks_its_end_is_left_for_hydra_to_say():
    for word in ("tag=[1,2", "tag='x", "--cfg", "-m", "plain", "tag={ü"):
        assert quoted(word) == word


def test_train_takes_the_short_form(tmp_path):
    line = [sys.executable, "-m", "hpa_lit.train", "experiment=small", "images=nowhere", "labels=none.csv"]
    shown = subprocess.run([*line, "--cfg", "job", "-p", "data.images"], capture_output=True, text=True)
    assert shown.stdout == "nowhere\n"
    folder = tmp_path / "Größe der Zellen (neu)"
    shown = subprocess.run(
        [*line[:4], f"images={folder}", "--cfg", "job", "-p", "data.images"], capture_output=True, text=True
    )
    assert shown.stdout == f"{folder}\n"
    refused = subprocess.run([*line, "data=i768"], capture_output=True, text=True)
    assert refused.stderr.startswith("error: images=nowhere is for data=folder")
    assert "Traceback" not in refused.stderr
    (tmp_path / "file").touch()
    refused = subprocess.run([*line, f"paths.outputs={tmp_path / 'file'}"], capture_output=True, text=True)
    assert refused.stderr.startswith(f"error: {tmp_path / 'file'}/train")
    assert "Not a directory; see to its permissions, or choose another place" in refused.stderr
