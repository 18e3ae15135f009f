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


def as_seen(files: Iterable[rgby.ImageFiles], side: int) -> list[str]:
    """What to say about how images become what the network sees: what was taken for what, and their size."""
    images = list(files)
    headers = [(there, header) for there in images if (header := _header(there))]
    lines = rgby.said_of([header.taken for _, header in headers])
    framed = Counter(_framed(there, header, side) for there, header in headers if rgby.layout_of(there).field)
    lines += [f"{count} of {len(images)} images {said}" for said, count in framed.most_common(SHOWN)]
    sizes = [header.size for there, header in headers if not rgby.layout_of(there).field]
    return lines + resized(sizes, len(images), side)


def _framed(files: rgby.ImageFiles, header: rgby.Header, side: int) -> str:
    """How an image is brought to the pixel size of the training."""
    layout = rgby.layout_of(files)
    try:
        pixels = rgby.field_pixels(files)
    except InputError:
        return "do not say their pixel size, and cannot be read"
    assert layout.field is not None
    own = header.pixel_size if layout.pixel_size == "auto" else layout.pixel_size
    height, width = header.size
    if min(height, width) >= pixels:
        seen = "all of each is seen" if height == width == pixels else f"the middle {pixels} x {pixels} are seen"
    else:
        seen = f"they lie in {pixels} x {pixels}, black around them"
    sizes = f"from {own:.3g} to {layout.field / side:.3g} micrometres a pixel"
    return f"are brought {sizes}: of {height} x {width} pixels {seen}"


def resized(sizes: Iterable[tuple[int, int]], images: int, side: int) -> list[str]:
    """What to say about images that are brought to (side, side) from another size, the commonest first.

    Args:
        sizes: Height and width of those that can be read.
        images: How many there are in all.
        side: What they are brought to.
    """
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
        brought = f"{count} of {images} images are brought from {height} x {width} to {side} x {side}"
        lines.append(f"{brought}: {change}")
    if len(counts) > SHOWN:
        rest = counts.total() - sum(count for _, count in counts.most_common(SHOWN))
        lines.append(f"{rest} of {images} images are brought to it from {len(counts) - SHOWN} other sizes")
    if counts:
        lines.append("the network expects cells to be as large, then, as they were in its training")
    return lines


def _header(files: rgby.ImageFiles) -> rgby.Header | None:
    """What is known of an image; nothing where it cannot be read, which its row will say."""
    try:
        return rgby.header(files) if files else None
    except InputError:
        return None
