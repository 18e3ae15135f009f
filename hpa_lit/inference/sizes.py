"""What size images have, and what is said where it is not that of the training."""

from collections import Counter
from collections.abc import Iterable

from hpa_lit.errors import InputError
from hpa_lit.files import rgby

SHOWN = 3  # sizes that are said one by one


def as_read(files: Iterable[rgby.ImageFiles]) -> tuple[list[str], list[str]]:
    """Height and width of each image, and its planes, in words, read off headers; empty where it cannot be read."""
    headers = [_header(there) for there in files]
    sizes = ["{} x {}".format(*header.size) if header else "" for header in headers]
    return sizes, [", ".join(header.colors) if header else "" for header in headers]


def resized(files: Iterable[rgby.ImageFiles], side: int) -> list[str]:
    """What to say about images that are brought to (side, side) from another size, the commonest first."""
    images = list(files)
    sizes = [header.size for header in map(_header, images) if header]
    counts = Counter(size for size in sizes if size != (side, side))
    lines = []
    for size, count in counts.most_common(SHOWN):
        height, width = size
        factor = min(size) / side
        if factor == 1:
            change = "cells keep their size along one side"
        elif factor > 1:
            change = f"cells get {factor:.3g} times smaller"
        else:
            change = f"cells get {1 / factor:.3g} times larger, and no sharper"
        if height != width:
            change += "; they are not square and are squeezed: cut them first"
        brought = f"{count} of {len(images)} images are brought from {height} x {width} to {side} x {side}"
        lines.append(f"{brought}: {change}")
    if len(counts) > SHOWN:
        rest = counts.total() - sum(count for _, count in counts.most_common(SHOWN))
        lines.append(f"{rest} of {len(images)} images are brought to it from {len(counts) - SHOWN} other sizes")
    if counts:
        lines.append("the network expects cells to be as large, then, as they were in its training")
    return lines


def _header(files: rgby.ImageFiles) -> rgby.Header | None:
    """What is known of an image; nothing where it cannot be read, which its row will say."""
    try:
        return rgby.header(files) if files else None
    except InputError:
        return None
