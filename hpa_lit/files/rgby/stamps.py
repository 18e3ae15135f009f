"""What tells the files of an image from others that take their names later."""

import hashlib
import json
from pathlib import Path

from hpa_lit.files.rgby.finding import ImageFiles


def stamp(files: ImageFiles) -> str:
    """Sixteen digits that are others as soon as a file was written or replaced; empty where one is not there.

    Of names, sizes, and times to the nanosecond: of the content, and of the last change of anything, which no program
    can set, and which so differs also after a copy that keeps the times of the original.
    """
    try:
        states = [(path.name, path.stat()) for whole in files.values() for path in parts_of(whole)]
    except OSError:
        return ""
    known = [(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]


def parts_of(path: Path) -> list[Path]:
    """The files that a picture is made of: itself, or all in it where it is a Zarr."""
    return sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
