"""What tells the files of an image from others that take their names later."""

import hashlib
import json

from hpa_lit.files.rgby.finding import ImageFiles


def stamp(files: ImageFiles) -> str:
    """Sixteen digits that are others as soon as a file was written or replaced; empty where one is not there.

    Of names, sizes, and times to the nanosecond: of the content, and of the last change of anything, which no program
    can set, and which so differs also after a copy that keeps the times of the original.
    """
    try:
        states = [(path.name, path.stat()) for path in files.values()]
    except OSError:
        return ""
    known = [(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]
