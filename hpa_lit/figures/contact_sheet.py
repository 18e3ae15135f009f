"""Pictures of results, drawn from arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hpa_lit.errors import InputError

_GAP = 8
_LINE = 13  # height of a line of caption
_INK, _PAPER, _FRAME = (20, 20, 20), (255, 255, 255), (200, 40, 40)


@dataclass(frozen=True, eq=False)
class Tile:
    """An image and what to write below it, a line a string.

    Attributes:
        image: As `composite` takes it.
        caption: Lines; what is too long is cut, before its last slash where it has one: an Id keeps the cell's number.
        marked: Draw a frame around it.
    """

    image: npt.NDArray[np.uint8]
    caption: Sequence[str]
    marked: bool = False


def composite(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Red, green and blue as they are, without the yellow plane, which would hide the protein.

    Args:
        image: Shape (H, W, 4), R G B Y, or (H, W, 3), 0..255.

    Returns:
        Shape (H, W, 3), contiguous.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8:
        raise InputError(
            f"an image has shape {image.shape} and dtype {image.dtype}; expected (H, W, 4) or (H, W, 3) uint8"
        )
    return np.ascontiguousarray(image[:, :, :3])


def contact_sheet(rows: Sequence[tuple[Tile, Sequence[Tile]]], side: int = 192) -> npt.NDArray[np.uint8]:
    """Queries on the left, the neighbours of each to the right of it.

    Args:
        rows: For each query its tile and those of its neighbours, best first.
        side: Pixels that a picture's longer side gets.

    Returns:
        RGB picture, shape (height, width, 3).
    """
    if not rows:
        raise InputError("a contact sheet needs at least one query")
    columns = 1 + max(len(neighbours) for _, neighbours in rows)
    lines = max(len(tile.caption) for query, neighbours in rows for tile in (query, *neighbours))
    width, height = side + _GAP, side + _GAP + lines * _LINE
    sheet = Image.new("RGB", (columns * width + 2 * _GAP, len(rows) * height + _GAP), _PAPER)
    for row, (query, neighbours) in enumerate(rows):
        for column, tile in enumerate((query, *neighbours)):
            # A wider gap after the first column sets the query apart.
            _place(sheet, tile, _GAP + column * width + _GAP * (column > 0), _GAP + row * height, side)
    return np.asarray(sheet)


def _place(sheet: Image.Image, tile: Tile, left: int, top: int, side: int) -> None:
    picture = Image.fromarray(composite(tile.image))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    sheet.paste(picture, (left, top))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=_LINE - 2)
    if tile.marked:
        draw.rectangle((left - 2, top - 2, left + picture.width + 1, top + picture.height + 1), outline=_FRAME, width=2)
    for number, line in enumerate(tile.caption):
        place = left, top + side + number * _LINE
        draw.text(place, _cut(line, lambda text: draw.textlength(text, font) <= side), _INK, font)


def _cut(line: str, fits: Callable[[str], bool]) -> str:
    """As much of a line as fits."""
    head, slash, number = line.rpartition("/")
    kept = slash + number
    if not (head and fits("…" + kept)):
        head, kept = line, ""
    while not fits(head + kept):
        head = head.removesuffix("…")[:-1].rstrip() + "…"
    return head + kept
