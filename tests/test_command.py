"""The command line before Hydra sees it."""

import subprocess
import sys

import pytest
from test_configs import composed

from hpa_lit.command import FOLDER, written_out
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


def test_train_takes_the_short_form():
    line = [sys.executable, "-m", "hpa_lit.train", "experiment=small", "images=nowhere", "labels=none.csv"]
    shown = subprocess.run([*line, "--cfg", "job", "-p", "data.images"], capture_output=True, text=True)
    assert shown.stdout == "nowhere\n"
    refused = subprocess.run([*line, "data=i768"], capture_output=True, text=True)
    assert refused.stderr.startswith("error: images=nowhere is for data=folder")
    assert "Traceback" not in refused.stderr
