"""Every command in README.md and docs/ works: executed where a machine like this can, else composed."""

import contextlib
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from readme_commands import CHECKOUT, ELSEWHERE, MARKS, NAV, PAGES, README, blocks, our_commands, prose

from hpa_lit.__main__ import COMMANDS
from hpa_lit.files.conf_dir import conf_dir
from hpa_lit.files.data_tree import DataTree
from hpa_lit.synthetic import draw_atlas

# The commands of docs/extend.md need the files that it shows: tests/test_plugins.py runs them.
BLOCKS = [block for page in PAGES if page.name != "extend.md" for block in blocks(page.read_text())]
COMPOSED = dict.fromkeys(
    line for block in BLOCKS if block.marks & ELSEWHERE for line in block.lines if our_commands(line)
)
CONF = Path(conf_dir())


def test_blocks_are_found_with_their_marks_and_whole_lines():
    text = "## One\n```sh gpu\nhpa-lit train \\\n  x=1 &\n```\n`b`\n## Two\n```text\nno\n```\n```sh\nls\n```\n"
    one, two = blocks(text)
    assert (one.section, one.marks, one.lines) == ("One", {"gpu"}, ("hpa-lit train    x=1 &",))
    assert (two.section, two.marks, two.lines) == ("Two", set(), ("ls",))
    assert "`b`" in prose(text)
    assert "hpa-lit" not in prose(text)


def test_commands_are_what_the_shell_gives():
    line = "srun python -m hpa_lit.train 'a=[1, 2]' b=x*y && hpa-lit submit c=1 > log # hpa-lit no"
    assert our_commands(line) == [("train", ["a=[1, 2]", "b=x*y"]), ("submit", ["c=1"])]
    assert our_commands("python -m http.server 8000 &") == []


def test_marks_are_known():
    assert BLOCKS
    assert not {mark for block in BLOCKS for mark in block.marks} - MARKS


@pytest.mark.parametrize("line", COMPOSED)
def test_commands_for_other_machines_compose(line, monkeypatch, capsys):
    for name, words in our_commands(line):
        for job in jobs(words):
            monkeypatch.setattr(sys, "argv", [name, *job, "--cfg", "job"])
            importlib.import_module(f"hpa_lit.{name}").main()
            assert capsys.readouterr().out


def jobs(words):
    """The words of each job of a sweep; Hydra shows the config of a sweep of none."""
    if not {"-m", "--multirun"} & set(words):
        return [words]
    overrides = OverridesParser.create().parse_overrides([word for word in words if not word.startswith("-")])
    return [job for batch in BasicSweeper.split_arguments(overrides, None) for job in batch]


def test_install_blocks_name_what_exists():
    targets = set(re.findall(r"^([\w-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for block in BLOCKS if "install" in block.marks for line in block.lines]
    assert lines
    for line in lines:
        program, *words = line.split()
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets
        for option, file in pairwise(words):
            if option in ("-c", "-r", "--constraint", "--requirement"):
                assert (CHECKOUT / file).is_file()


def test_every_page_is_in_the_navigation():
    assert sorted(NAV) == sorted(path.name for path in (CHECKOUT / "docs").glob("*.md"))


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README.read_text())
    inside = [link for link in links if not link.startswith("https://")]
    assert len(inside) > 10
    assert [link for link in inside if not (CHECKOUT / link).is_file()] == []


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= 1200


def test_settings_in_the_text_exist():
    known = {"images", "labels"} | {path.name for path in CONF.iterdir() if path.is_dir()}
    choices = [["data=folder", "arch=timm", "arch.arch=x"], ["loss=bce", "scheduler=warmup_cosine", "callbacks=ema"]]
    for name, words in [*((name, []) for name in COMMANDS), *(("train", words) for words in choices)]:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            known |= keys(OmegaConf.to_container(compose(name, words)))
    spans = [span for page in PAGES for span in re.findall(r"`([^`]+)`", prose(page.read_text()))]
    named = {key for span in spans if "(" not in span for key in re.findall(r"(?<!\S)([a-z_./]+)=", span)} - {"key"}
    assert named
    assert {key for key in named if not key.startswith("hydra")} <= known


def keys(config, above=""):
    """The dotted names of everything in a config."""
    below = [keys(value, f"{above}{key}.") for key, value in config.items() if isinstance(value, dict)]
    return {f"{above}{key}" for key in config}.union(*below)


# What stands for the words of README that a reader replaces by their own, and for the sizes that take a reader's hours.
# A word in capitals that is not here fails; in blocks that are only composed it may be any.
STAND_INS = {
    r"\bOTHER\b": "others",  # drawn pictures that are not among those
    r"\bDIR\b": "pictures",  # drawn pictures, their labels in train.csv among them
    r"\bFILE(\.csv)?\b": "pictures/train.csv",
    r"\bRUN\b": "outputs/train/small_folder/fold0",  # what experiment=small makes of them
    r"\b8000\b": "{port}",
    r"\bdraw\.fields=\d+": "draw.fields=60 draw.duplicates=1",
    r"\bexperiment=small(_embedder)?\b": r"\g<0> scheduler.epochs=1",
}


@pytest.mark.slow
def test_commands_for_any_machine_run_one_after_another(tmp_path):
    """Each section in a shell of its own, all in one folder, with an empty home."""
    home, work, tree = tmp_path / "home", tmp_path / "work", DataTree(tmp_path / "drawn")
    home.mkdir()
    draw_atlas(tree, fields=40, test_share=0.1, external_share=0.1, duplicates=0, size=128)
    shutil.copytree(tree.raw_images("train"), work / "pictures")
    shutil.copy(tree.train_csv, work / "pictures")
    shutil.copytree(tree.raw_images("test"), work / "others")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "HOME": str(home)}
    executed = [block for block in BLOCKS if not block.marks]
    assert executed
    for section, its_blocks in groupby(executed, lambda block: block.section):
        script = "\n".join(line for block in its_blocks for line in block.lines)
        for pattern, stand_in in STAND_INS.items():
            script = re.sub(pattern, stand_in.format(port=port), script)
        assert not re.findall(r"(?<![\w$])[A-Z]{2,}(?!\w)", script), f"no stand-in for these words of {section}"
        code, printed = in_shell(script, work, environment)
        assert code == 0, f"{section}:\n{printed[-5000:]}"


def in_shell(script, folder, environment):
    """The exit code of a script, and what it printed; what it left in the background is ended."""
    with tempfile.TemporaryFile("w+") as log:
        shell = subprocess.Popen(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = shell.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing was left
                os.killpg(shell.pid, signal.SIGTERM)
        log.seek(0)
        return code, log.read()
