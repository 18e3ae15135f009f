"""Outlines of the cells of fields, each in the colour of its answer: drawn over a field, and as paths for a page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import joblib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from hpa_lit.figures.pictures import brightened, shrunk
from hpa_lit.files import label_image
from hpa_lit.files.label_image import Labels
from hpa_lit.files.rgby import BitDepth, ImageFiles, Pixels, read, uncut
from hpa_lit.files.writing import replacing
from hpa_lit.progress import progress

Color = tuple[int, int, int]

SIDE = 1024  # pixels of the longer side at most
LINE = 16  # of a line of the legend, in pixels
GRID = 400  # steps of the longer side that paths count in: those of the page's largest picture of a field
NO_ANSWER: Color = (160, 160, 160)
NO_WORDS = "none of those of the field"
# Bright ones that stand out from red, green and blue stains and from one another.
COLORS: tuple[Color, ...] = (
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (255, 150, 0),
    (90, 150, 255),
    (255, 180, 190),
    (170, 255, 120),  # not far from yellow
)


@dataclass(frozen=True)
class Drawn:
    """What to draw of a field.

    Attributes:
        files: Of the field.
        mask: Its label image.
        path: The PNG to write.
        answers: What is said of each cell, by its number; empty where it has no location.
    """

    files: ImageFiles
    mask: Path
    path: Path
    answers: Mapping[int, str]


@dataclass(frozen=True)
class Outline:
    """The outline of a cell on a page, in steps of which the longer side of its field has `GRID`.

    Attributes:
        at: Column and row of its number.
        path: Its pieces, as the attribute ``d`` of an SVG path has them.
    """

    at: tuple[int, int]
    path: str


def draw_outlines(fields: Sequence[Drawn], bits: BitDepth, workers: int | None = None) -> None:
    """Draw fields in so many processes, in the colours of `answer_colors`."""
    colors = answer_colors(field.answers.values() for field in fields)
    jobs = (joblib.delayed(_write)(field, bits, colors) for field in fields)
    parallel = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), return_as="generator_unordered")
    for _ in progress(parallel(jobs), "draw outlines", len(fields), "fields"):
        pass


def _write(field: Drawn, bits: BitDepth, colors: Mapping[str, Color]) -> None:
    picture = outlined(read(uncut(field.files), bits), label_image.read(field.mask), field.answers, colors)
    with replacing(field.path, sync=False) as temporary:
        Image.fromarray(picture).save(temporary, "png")


def answer_colors(fields: Iterable[Iterable[str]]) -> dict[str, Color]:
    """The colour of each answer, the commonest first; that of no location is gray.

    An answer has one colour in all fields. There are more answers than colours: those that share one are, where
    possible, never in one field.

    Args:
        fields: What is said of each cell of each field.
    """
    counts: Counter[str] = Counter()
    places: dict[str, set[int]] = {}
    for number, answers in enumerate(fields):
        for answer in answers:
            counts[answer] += 1
            places.setdefault(answer, set()).add(number)
    colors = {"": NO_ANSWER}
    where: list[list[int]] = [[] for _ in COLORS]  # the fields of the answers of each colour
    for answer in sorted(counts.keys() - {""}, key=lambda answer: (-counts[answer], answer)):
        shared = [sum(field in places[answer] for field in taken) for taken in where]
        best = min(range(len(COLORS)), key=lambda color: (shared[color], len(where[color]), color))
        where[best] += places[answer]
        colors[answer] = COLORS[best]
    return colors


def outlined(image: Pixels, cells: Labels, answers: Mapping[int, str], colors: Mapping[str, Color]) -> Pixels:
    """Draw outlines and numbers of cells over a field, and a legend below it.

    Args:
        image: The field, (H, W, 4) uint8.
        cells: Number of the cell of each pixel, (H, W).
        answers: What is said of each cell, by its number; empty where it has no location.
        colors: The colour of each answer.

    Returns:
        RGB, the field's longer side at most `SIDE`, and a legend of its answers.
    """
    picture = _seen(brightened(shrunk(image, SIDE), most=8))
    cells = fitted(cells, picture.shape[:2])
    edge = _edges(cells)
    table = np.zeros((int(cells.max()) + 1, 3), np.uint8)  # black: what the network did not see
    for number, answer in answers.items():
        if number < len(table):  # a cell of a pixel or two may be lost in a smaller picture
            table[number] = colors[answer]
    picture[edge] = table[cells[edge]]
    legend = sorted(set(answers.values()), key=lambda answer: (not answer, answer))
    canvas = Image.new("RGB", (picture.shape[1], picture.shape[0] + LINE * len(legend)), "black")
    canvas.paste(Image.fromarray(picture))
    pen = ImageDraw.Draw(canvas)
    for number in answers:
        if (place := _middle(cells == number)) is not None:
            pen.text(place, str(number), fill="white", stroke_width=2, stroke_fill="black", anchor="mm")
    for line, answer in enumerate(legend):
        count = sum(given == answer for given in answers.values())
        top = picture.shape[0] + LINE * line
        pen.rectangle((4, top + 3, 14, top + 13), fill=colors[answer])
        pen.text((20, top + 2), f"{answer or NO_WORDS}: {count} cells", fill="white")
    return np.asarray(canvas)


def grid(cells: Labels) -> tuple[int, int]:
    """Height and width of a field in the steps of `Outline`."""
    height, width = cells.shape
    return max(1, round(GRID * height / max(cells.shape))), max(1, round(GRID * width / max(cells.shape)))


def traced(cells: Labels) -> dict[int, Outline]:
    """The outline of each cell by its number; a cell of a pixel or two may be lost.

    Args:
        cells: Number of the cell of each pixel, (H, W).
    """
    small = fitted(cells, grid(cells))
    outlines = {}
    for number in np.unique(small[small > 0]).tolist():
        here = small == number
        pieces, _ = cv2.findContours(here.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        lines = [cv2.approxPolyDP(piece, 1, True)[:, 0].tolist() for piece in pieces]
        path = "".join(f"M{' '.join(f'{x} {y}' for x, y in line)}Z" for line in lines)
        column, row = _middle(here) or (0, 0)
        outlines[number] = Outline((round(column), round(row)), path)
    return outlines


def fitted(cells: Labels, shape: tuple[int, ...]) -> Labels:
    """A label image at another height and width."""
    return np.asarray(cv2.resize(cells, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint16)


def _middle(cell: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """Column and row that half of a cell's pixels lie before; None where it has none."""
    rows, columns = np.nonzero(cell)
    return (float(np.median(columns)), float(np.median(rows))) if len(rows) else None


def _seen(image: Pixels) -> Pixels:
    """Protein green, nuclei blue, microtubules red: the planes as they are named."""
    return np.ascontiguousarray(image[:, :, :3])


def _edges(cells: Labels) -> npt.NDArray[np.bool_]:
    """The pixels of cells beside a pixel of another cell or of none, two pixels wide."""
    number = cells.astype(np.float32)
    box = np.ones((3, 3), np.uint8)
    return np.asarray((cells > 0) & ((cv2.erode(number, box) != number) | (cv2.dilate(number, box) != number)))
