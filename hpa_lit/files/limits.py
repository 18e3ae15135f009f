"""How much a file of anybody's may make us take: a header is a few bytes, and can name any size.

Sizes are looked at before there is memory for them.
"""

from pathlib import Path

from hpa_lit.errors import InputError

# Of a plane, 8192 x 8192: seven times the largest of the atlas, 3072 x 3072. Four planes of 16 bits then take half a
# gigabyte, in each process that loads images.
MOST_PIXELS = 2**26
MOST_STACK = 2**31  # of a Z stack, which is read a slice at a time: two hundred of four planes of 1536 x 1536
MOST_PAGES = 1000  # of a TIFF; those of a pyramid and thumbnails beside the planes count too
MOST_VALUES = 2**31  # of a prediction file, 8 GB; a hundred thousand images in 32 views have a twentieth of that
MOST_DOWNLOADED = 2**26  # bytes; the largest JPEG of the atlas has a sixteenth of that
MOST_FETCHED = 2**31  # bytes of a file of weights; those of the winners have a fiftieth of that


def check_pixels(path: Path, height: int, width: int) -> None:
    """Raise `InputError` where a header says that a plane has no pixels, or more than `MOST_PIXELS`."""
    if not height * width > 0:
        raise InputError(f"{path} says that it has no pixels: its header is damaged")
    if height * width > MOST_PIXELS:
        raise InputError(
            f"{path} says that it has {height} x {width} pixels, more than {MOST_PIXELS:,}: cut it into single fields "
            "of cells, or write it anew where that is not so"
        )
