"""The report's page: one HTML file with its pictures inside."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hpa_lit.figures.chapters import Chapter

# Each is shown by the file of its name in the folder `template`.
TITLES = {
    "summary": "In short",
    "verdict": "In short",
    "cells": "Cells",
    "images": "All images",
    "counts": "Labels",
    "scores": "Labels",
    "confusion": "What is taken for what",
    "cooccurrence": "Labels given together",
    "examples": "Examples of each label",
    "activations": "Where the network looks",
    "precision_recall": "Precision and recall",
    "calibration": "What probabilities mean",
    "steps": "What each step gained",
    "training": "Training",
}


def render(
    title: str, chapters: Mapping[str, Chapter], about: Sequence[tuple[str, str]], lacking: Sequence[tuple[str, str]]
) -> str:
    """The page.

    Args:
        title: Its title.
        chapters: What it shows, in this order, by names that `TITLES` has; images among them.
        about: What it was made from, as names and values.
        lacking: What it does not show, and the setting that brings it.
    """
    template = environment().get_template("page.html")
    return template.render(title=title, titles=TITLES, chapters=chapters, about=about, lacking=lacking)


def environment() -> Environment:
    """What fills in the templates."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    found.filters |= {"number": number, "uri": uri}
    return found


def number(value: float, digits: int = 2) -> str:
    """A number with its digits, or a dash where there is none."""
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.{digits}f}"


def uri(picture: bytes, kind: str = "png") -> str:
    """A picture as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
