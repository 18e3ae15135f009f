"""A field with the outlines of its cells, each in the colour of its answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
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

SIDE = 1024  # pixels of the longer side at most
LINE = 16  # of a line of the legend, in pixels
NO_ANSWER = (160, 160, 160)
# Bright ones that stand out from red, green and blue stains and from one another, by falling frequency of answers.
COLORS = ((255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 150, 0), (170, 255, 120), (190, 150, 255), (255, 180, 190))


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


def draw_outlines(fields: Sequence[Drawn], bits: BitDepth, workers: int | None = None) -> None:
    """Draw fields in so many processes; an answer has one colour in all of them, the commonest the first."""
    counts = Counter(answer for field in fields for answer in field.answers.values() if answer)
    colors = {answer: number for number, (answer, _) in enumerate(counts.most_common())}
    jobs = (joblib.delayed(_write)(field, bits, colors) for field in fields)
    parallel = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), return_as="generator_unordered")
    for _ in progress(parallel(jobs), "draw outlines", len(fields), "fields"):
        pass


def _write(field: Drawn, bits: BitDepth, colors: Mapping[str, int]) -> None:
    picture = outlined(read(uncut(field.files), bits), label_image.read(field.mask), field.answers, colors)
    with replacing(field.path, sync=False) as temporary:
        Image.fromarray(picture).save(temporary, "png")


def outlined(image: Pixels, cells: Labels, answers: Mapping[int, str], colors: Mapping[str, int]) -> Pixels:
    """Draw outlines and numbers of cells over a field, and a legend below it.

    Args:
        image: The field, (H, W, 4) uint8.
        cells: Number of the cell of each pixel, (H, W).
        answers: What is said of each cell, by its number; empty where it has no location.
        colors: The number of the colour of each answer.

    Returns:
        RGB, the field's longer side at most `SIDE`, and a legend of its answers.
    """
    picture = _seen(brightened(shrunk(image, SIDE), most=8))
    size = picture.shape[1], picture.shape[0]
    cells = np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint16)
    shades = {answer: COLORS[colors[answer] % len(COLORS)] if answer else NO_ANSWER for answer in set(answers.values())}
    edge = _edges(cells)
    table = np.zeros((int(cells.max()) + 1, 3), np.uint8)  # black: what the network did not see
    for number, answer in answers.items():
        if number < len(table):  # a cell of a pixel or two may be lost in a smaller picture
            table[number] = shades[answer]
    picture[edge] = table[cells[edge]]
    legend = sorted(shades, key=lambda answer: (not answer, answer))
    canvas = Image.new("RGB", (picture.shape[1], picture.shape[0] + LINE * len(legend)), "black")
    canvas.paste(Image.fromarray(picture))
    pen = ImageDraw.Draw(canvas)
    for number in answers:
        rows, columns = np.nonzero(cells == number)
        if len(rows):
            place = float(np.median(columns)), float(np.median(rows))
            pen.text(place, str(number), fill="white", stroke_width=2, stroke_fill="black", anchor="mm")
    for line, answer in enumerate(legend):
        count = sum(given == answer for given in answers.values())
        top = picture.shape[0] + LINE * line
        pen.rectangle((4, top + 3, 14, top + 13), fill=shades[answer])
        pen.text((20, top + 2), f"{answer or 'none of those of the field'}: {count} cells", fill="white")
    return np.asarray(canvas)


def _seen(image: Pixels) -> Pixels:
    """Protein green, nuclei blue, microtubules red: the planes as they are named."""
    return np.ascontiguousarray(image[:, :, :3])


def _edges(cells: Labels) -> npt.NDArray[np.bool_]:
    """The pixels of cells beside a pixel of another cell or of none, two pixels wide."""
    number = cells.astype(np.float32)
    box = np.ones((3, 3), np.uint8)
    return np.asarray((cells > 0) & ((cv2.erode(number, box) != number) | (cv2.dilate(number, box) != number)))
