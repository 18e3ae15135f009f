"""Pictures that are none, or not whole, or not four planes."""

import io
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from rubbish.case import Case, cut, folder, remove, write

STACK, PLANE = "pictures/i00.tif", "planes/i00_green.png"
PLANES = "images=planes"


def tiff(pixels, **options):
    """A TIFF in place of a stack."""

    def change(home: Path) -> None:
        remove(STACK)(home)
        tifffile.imwrite(home / STACK, pixels, **options)

    return change


def png(pixels, name=PLANE):
    """A picture in place of a plane."""

    def change(home: Path) -> None:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        write(name, file.getvalue())(home)

    return change


def link(home: Path) -> None:
    remove(STACK)(home)
    (home / STACK).symlink_to("nowhere.tif")


def empty(home: Path) -> None:
    for path in (home / "pictures").iterdir():
        path.unlink()


def without_green(home: Path) -> None:
    for path in (home / "planes").glob("*_green.png"):
        path.unlink()


GREY = np.full((40, 40), 100, np.uint8)
CASES = [
    *(
        case
        for verb, words, said in (
            ("train", "", r"1 of 6 images cannot be used; replace the files or remove the rows:\n  i00: .*"),
            ("check", "", r"6 images; errors: 1"),
            ("predict", "", r"1 of 6 images could not be read; their rows in result\.parquet are empty:\n  i00: .*"),
        )
        for case in (
            Case(f"{verb}: a stack cut short", verb, words, cut(STACK), said, verb == "predict"),
            Case(f"{verb}: a stack of nothing", verb, words, write(STACK, b""), said, verb == "predict"),
            Case(f"{verb}: a stack of text", verb, words, write(STACK, "no picture"), said, verb == "predict"),
            Case(f"{verb}: a stack of one plane", verb, words, tiff(GREY), said, verb == "predict"),
            Case(f"{verb}: a stack of fractions", verb, words, tiff(np.zeros((4, 40, 40), np.float32)), said, verb == "predict"),
            Case(f"{verb}: a stack of 32 bits", verb, words, tiff(np.zeros((4, 40, 40), np.uint32)), said, verb == "predict"),
        )
    ),
    Case("a folder of no pictures", "train", "", empty, r"there is no image in pictures, which holds nothing: expected <Id>\.tif"),
    Case("a folder of text", "train", "images=given", None, r"there is no image in given, which holds scores\.json, submission\.csv"),
    Case("a folder named as a picture", "train", "", folder(STACK), r"i00: .*pictures/i00\.tif"),
    Case("a link that leads nowhere", "train", "", link, r"i00: .*pictures/i00\.tif"),
    Case("no protein", "train", PLANES, without_green, r"6 of 6 images are not complete .*\n  i00: no green plane"),
    Case("a plane that is not there", "train", PLANES, remove(PLANE), r"1 of 6 images are not complete .*\n  i00: no green plane"),
    Case("a plane cut short", "train", PLANES, cut(PLANE), r"i00: .*planes/i00_green\.png"),
    Case("a plane of text", "train", PLANES, write(PLANE, "text"), r"i00: .*planes/i00_green\.png"),
    Case("a plane of another size", "train", PLANES, png(GREY[:20]), r"i00: planes differ in size: .*green 20 x 40"),
    Case("a plane of another size, to predict", "predict", PLANES, png(GREY[:20]), r"i00: .*planes differ in size", True),
    Case("a plane that is not there, to predict", "predict", PLANES, remove("planes/i00_red.png"), r"i00: .*no red plane", True),
    Case("no pictures to predict", "predict", "", empty, r"there is no image in pictures, which holds nothing"),
    Case("no pictures to embed", "embed", "", empty, r"there is no image in pictures, which holds nothing"),
    Case("a stack to embed cut short", "embed", "", cut(STACK), r"1 of 6 images could not be read.*\n  i00: ", True),
    Case("no pictures to check", "check", "", empty, r"there is no image in pictures, which holds nothing"),
    Case("no pictures for a report", "report", "images=nowhere", None, r"there is no image folder nowhere"),
    Case("pictures of others for a report", "report", "images=planes", remove("planes/i03_green.png"), r"i03"),
]  # fmt: skip
