"""Tells MkDocs of fences only what it knows: ``sh gpu`` is ``sh``, and ``python mine/own.py`` has a title."""

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page with the words behind a fence's language left out, a file's name made its title."""
    return re.sub(r"^```(\w+) (\S+)$", _plain, markdown, flags=re.MULTILINE)


def _plain(fence: re.Match[str]) -> str:
    language, word = fence.groups()
    return f'```{language} title="{word}"' if "." in word else f"```{language}"
