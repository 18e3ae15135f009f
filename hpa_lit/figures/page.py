"""The report's page: one HTML file with its pictures inside."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hpa_lit.figures.chapters import Chapter

# As the template names them.
CHAPTERS = ("scores", "counts", "cooccurrence", "calibration", "steps", "training", "sheets", "activations")


def render(
    title: str, images: int, labels: int, about: Sequence[tuple[str, str]], chapters: Mapping[str, Chapter]
) -> str:
    """The page.

    Args:
        title: Its title.
        images: How many images it is about.
        labels: How many labels.
        about: What it was made from, as names and values.
        chapters: Some of `CHAPTERS`, scores or counts among them; of those that are absent it says what brings them.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "uri": uri}
    every = {name: chapters.get(name) for name in CHAPTERS}
    template = environment.get_template("page.html")
    return template.render(title=title, images=images, labels=labels, about=about, chapters=every)


def number(value: float, digits: int = 2) -> str:
    """A number with its digits, or a dash where there is none."""
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.{digits}f}"


def uri(picture: bytes, kind: str = "png") -> str:
    """A picture as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
