"""Fetching one large file: a cut connection is gone on from, and what is not what was promised gets no name."""

import email.utils
import json
import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from hpa_lit.errors import InputError
from hpa_lit.files.limits import MOST_FETCHED
from hpa_lit.files.lock import held
from hpa_lit.files.tree import being_fetched, file_lock
from hpa_lit.files.writing import into, make_room, replacing
from hpa_lit.progress import Progress

BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers that may be better next time
MOST_REDIRECTS = 5
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # this machine alone, where http has nobody to listen: a mirror, the tests
MIB = 2**20


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Args:
        attempts: How often the file, or what is missing of it, is asked for.
        timeout: Seconds without a byte after which an attempt is given up.
        wait: Seconds before the second attempt; doubled before each further one, unless the server names a time.
        max_wait: Longest wait in seconds, whatever the server says.
    """

    attempts: int = 4
    timeout: float = 30
    wait: float = 1
    max_wait: float = 120


class RetryError(Exception):
    """An attempt failed in a way that may pass.

    Args:
        reason: What happened.
        wait: Seconds after which the server asks to come back.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def fetch(
    url: str, path: Path, check: Callable[[Path], None] = lambda path: None, patience: Patience | None = None
) -> None:
    """Fetch a file to where it is not yet; a second process waits for the first.

    What came of it before a cut or a kill is kept beside its place, and only the rest is asked for.

    Args:
        url: Its address, by https, as is every address that a redirect leads to; by http on this machine alone.
        path: Its place.
        check: Raises `InputError` where what came, at a path that it is given, is not what was to come.
        patience: How long to try.

    Raises:
        InputError: It cannot be had, or is not what was to come; says where to put it by hand.
    """
    make_room(path)
    with held(file_lock(path), path, None):
        if path.is_file():
            return
        part = being_fetched(path)
        with into(path.parent):
            _fetch(url, part, path, patience or Patience())
        try:
            check(part)
        except InputError:
            _forget(part)
            raise
        with replacing(path) as temporary:
            part.replace(temporary)
        _forget(part)


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait that the server asks for, given as such or as a date."""
    text = answer.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _fetch(url: str, part: Path, path: Path, patience: Patience) -> None:
    """Ask until all is there."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request
    with httpx.Client(
        timeout=patience.timeout,
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        headers={"Accept-Encoding": "identity"},  # or the bytes that are missing would be of something else
        event_hooks={"request": [partial(_refuse_open, httpx.URL(url).host)]},
    ) as client:
        for attempt in range(patience.attempts):
            wait = None
            try:
                return _receive(client, url, part)
            except RetryError as error:
                reason, wait = str(error), error.wait
            except (httpx.TooManyRedirects, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise InputError(f"{url} leads nowhere: {error}: see to the address") from error
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}"
            if attempt + 1 < patience.attempts:
                time.sleep(min(patience.wait * 2**attempt if wait is None else wait, patience.max_wait))
    raise InputError(
        f"{url} cannot be fetched ({reason}; {patience.attempts} attempts). What came of it is kept, and the same "
        f"command goes on from there. Where no network is, fetch it elsewhere and put it at {path}"
    )


def _refuse_open(host: str, request: httpx.Request) -> None:
    """Let nobody listen or answer instead, wherever a redirect leads: https, but for what stays on this machine."""
    stays = host in LOOPBACK and request.url.host in LOOPBACK
    if request.url.scheme != "https" and not stays:
        raise InputError(
            f"{request.url} is no https address, and anybody on the way could send something else: use https"
        )


def _receive(client: httpx.Client, url: str, part: Path) -> None:
    """Get what is missing of a file, or all of it where the server has another one by now."""
    have, tag = _kept(part, url)
    with client.stream("GET", url, headers={"Range": f"bytes={have}-", "If-Range": tag} if have else {}) as answer:
        code, span = answer.status_code, answer.headers.get("Content-Range", "")
        if code in BUSY:
            raise RetryError(f"the server answered {code}", retry_after(answer))
        if code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if span == f"bytes */{have}":
                return  # all was there, when something ended the process
            _forget(part)
            raise RetryError("what is here of it is not the server's")
        if code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise InputError(f"{url}: the server answered {code}; see whether the file is still published there")
        if code == httpx.codes.OK:
            have = 0
        elif not span.startswith(f"bytes {have}-"):
            _forget(part)
            raise RetryError(f"the server sent another part ({span}) than asked for")
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        _refuse_large(url, total or 0)
        with replacing(_note(part), sync=False) as temporary:
            temporary.write_text(json.dumps({"url": url, "tag": _tag(answer)}))
        with (
            part.open("ab" if have else "wb", buffering=MIB) as file,
            closing(Progress("fetch", (total or 0) // MIB, "MiB")) as shown,
        ):
            shown.update(have // MIB)
            for piece in answer.iter_raw():
                file.write(piece)
                shown.update((have + len(piece)) // MIB - have // MIB)
                have += len(piece)
                _refuse_large(url, have)
    if total is not None and have != total:
        raise RetryError(f"{have:,} of {total:,} bytes came")


def _refuse_large(url: str, size: int) -> None:
    if size > MOST_FETCHED:
        raise InputError(f"{url} has more than {MOST_FETCHED:,} bytes, which no weights have: see to the address")


def _tag(answer: httpx.Response) -> str | None:
    """What tells a server's file from another one under its name, strong enough to put their parts together."""
    tag: str = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _kept(part: Path, url: str) -> tuple[int, str]:
    """How many bytes are here of a file that can be gone on with, and its tag."""
    try:
        note = json.loads(_note(part).read_text())
        if note["url"] == url and note["tag"] is not None:
            return part.stat().st_size, str(note["tag"])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return 0, ""


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> None:
    for path in (part, _note(part)):
        path.unlink(missing_ok=True)
