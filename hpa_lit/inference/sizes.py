"""What is said about images that do not have the size of those that the network was trained on."""

from collections.abc import Iterable

from hpa_lit.errors import InputError
from hpa_lit.files import rgby


def resized(files: Iterable[rgby.ImageFiles], side: int) -> list[str]:
    """What to say about images that are enlarged or squeezed to (side, side); read off their headers."""
    small, oblong, images = 0, 0, 0
    for there in files:
        images += 1
        if not there:
            continue  # the row of an image that is not there says so, as that of one that cannot be read
        try:
            height, width = rgby.size(next(iter(there.values())))
        except InputError:
            continue
        small += min(height, width) < side
        oblong += height != width
    lines = []
    if small:
        lines.append(
            f"{small} of {images} images are smaller than {side} x {side} and are enlarged to it: what they show looks "
            "larger than in training, unless their pixels are that much larger too"
        )
    if oblong:
        lines.append(f"{oblong} of {images} images are not square and are squeezed to {side} x {side}: cut them first")
    return lines
