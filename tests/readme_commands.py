"""The commands in README.md and the pages of docs/: fenced ``sh`` blocks, by section, marked by where they can run.

A mark is a word after ``sh``: ``gpu``, ``atlas``, ``slurm`` and ``docker`` need what a test machine lacks; ``install``
is what CI does before any test. Blocks without a mark run anywhere, one after another, from the first to the last.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
ELSEWHERE = {"gpu", "atlas", "slurm", "docker"}
MARKS = ELSEWHERE | {"install"}
FENCE = re.compile(r"^```(.*)$")


def in_order(nav: list[Any]) -> Iterator[str]:
    """The pages of a navigation of MkDocs, from the first to the last, those of its sections too."""
    for entry in nav:
        content = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from in_order(content) if isinstance(content, list) else [content]


NAV = list(in_order(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text())["nav"]))
PAGES = [README, *(CHECKOUT / "docs" / name for name in NAV)]


@dataclass(frozen=True)
class Block:
    """One fenced block: the heading above it, its marks, its lines with continued ones joined."""

    section: str
    marks: frozenset[str]
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """All ``sh`` blocks of a Markdown text; those of other languages are no commands."""
    found: list[Block] = []
    section, info, lines = "", None, []
    for line in text.splitlines():
        if fence := FENCE.match(line):
            if info is None:
                info, lines = fence[1].split(), []
            else:
                if info[:1] == ["sh"]:
                    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
                    found.append(Block(section, frozenset(info[1:]), tuple(joined)))
                info = None
        elif info is not None:
            lines.append(line)
        elif line.startswith("## "):
            section = line[3:]
    assert info is None, f"the last block of section {section!r} is not closed"
    return found


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def our_commands(line: str) -> list[tuple[str, list[str]]]:
    """The commands of this package in a shell line, each with its words as the shell gives them."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    words.commenters = "#"
    found: list[tuple[str, list[str]]] = []
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("();<>|&"):
            found += _ours(command)
            command = []
        else:
            command.append(word)
    return found


def _ours(words: list[str]) -> list[tuple[str, list[str]]]:
    """``python -m hpa_lit.train x=1`` and ``hpa-lit train x=1``, whatever starts them, as ``("train", ["x=1"])``."""
    for place, word in enumerate(words):
        if word.startswith("hpa_lit.") and words[place - 1] == "-m":
            return [(word.removeprefix("hpa_lit."), words[place + 1 :])]
        if word == "hpa-lit" and words[place + 1 :]:  # not the name of an image at the end of `docker build`
            return [(words[place + 1], words[place + 2 :])]
    return []
