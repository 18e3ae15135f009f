"""Stage download (method 2.1): the four JPEGs of every external image.

Input: the external list. Outputs: raw/external/<Id>_<color>.jpg.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.fetching import BUSY, RetryError, retry_after
from hpa_lit.files.limits import MOST_DOWNLOADED
from hpa_lit.files.reading import reading
from hpa_lit.files.writing import remove_stale, replacing
from hpa_lit.progress import Progress, progress
from hpa_lit.stages import failures
from hpa_lit.stages.metadata import read_raw


@dataclass(frozen=True)
class Source:
    """A server and how to treat it.

    Args:
        base_url: Address before ``/<antibody>/<rest>_<color>.jpg``.
        connections: Files under way at the same time.
        attempts: How often a file is asked for.
        timeout: Seconds without a byte after which an attempt is given up; a whole attempt may take ten times that.
        wait: Seconds before the second attempt; doubled before each further one, unless the server names a time.
        max_wait: Longest wait in seconds, whatever the server says.
    """

    base_url: str
    connections: int = 16
    attempts: int = 5
    timeout: float = 30
    wait: float = 1
    max_wait: float = 120

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise InputError(f"prepare.download.base_url={self.base_url} must begin with http:// or https://")
        for name in ("connections", "attempts", "timeout"):
            if getattr(self, name) <= 0:
                raise InputError(f"prepare.download.{name}={getattr(self, name)} must be more than 0")


def url(base_url: str, image_id: str, color: str) -> str:
    """Address of a plane: the Id's part before the first ``_`` is a folder. An Id cannot lead out of it."""
    antibody, _, rest = image_id.partition("_")
    return f"{base_url.rstrip('/')}/{quote(antibody, '')}/{quote(rest, '')}_{color}.jpg"


def check(path: Path) -> None:
    """Raise InputError unless a file is a whole JPEG: it has its end mark and decodes."""
    rgby.size(path)
    with reading(path), Image.open(path) as picture:
        if picture.format != "JPEG":
            raise InputError(f"it is a {picture.format}, no JPEG")
        picture.draft("RGB", (picture.width // 8, picture.height // 8))  # still reads every byte
        picture.load()


def run(tree: DataTree, source: Source, dry_run: bool) -> None:
    """Download what is missing, or with `dry_run` say how much that is.

    Raises:
        IncompleteError: Some files could not be had.
    """
    folder = tree.raw_images("external")
    ids = read_raw(tree, "external")["Id"]
    wanted = {folder / f"{i}_{color}.jpg": url(source.base_url, i, color) for i in ids for color in rgby.COLORS}
    sizes = _whole_files(wanted)
    left = {path: address for path, address in wanted.items() if path not in sizes}
    print(f"download: {len(sizes)} of {len(wanted)} files are here, {len(left)} are left", end="")
    mean = sum(sizes.values()) / len(sizes) if sizes else 0
    print(f", about {mean * len(left) / 1e9:.1f} GB" if sizes else "")
    if dry_run:
        return
    remove_stale(folder)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request
    failed = asyncio.run(_fetch_all(left, source))
    failures.settle(tree, "download", [(path.name, failed[path]) for path in left if path in failed], len(wanted))


def _whole_files(paths: Collection[Path]) -> dict[Path, int]:
    """Bytes of the files that are here and have their end; some may come from elsewhere."""

    def look(path: Path) -> int:
        try:
            rgby.size(path)
            return path.stat().st_size
        except InputError:
            return 0

    with ThreadPoolExecutor(16) as pool:  # waits for the disk
        looks = progress(pool.map(look, paths), "check", len(paths), "files")
        return {path: size for path, size in zip(paths, looks, strict=True) if size}


async def _fetch_all(left: dict[Path, str], source: Source) -> dict[Path, str]:
    """Fetch all files, a bounded number at a time; the reasons of those that failed."""
    failed: dict[Path, str] = {}
    queue = iter(left.items())
    limits = httpx.Limits(max_connections=source.connections)
    stay: dict[str, list[Callable[..., Any]]] = {"request": [partial(_stay, httpx.URL(source.base_url))]}
    async with httpx.AsyncClient(
        limits=limits, timeout=source.timeout, follow_redirects=True, event_hooks=stay
    ) as client:
        with closing(Progress("download", len(left), "files")) as shown:

            async def work() -> None:
                for path, address in queue:
                    if reason := await _fetch(client, path, address, source):
                        failed[path] = reason
                    shown.update()

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(source.connections):
                        group.create_task(work())
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from errors  # a full disk is one for all that was under way
    return failed


async def _fetch(client: httpx.AsyncClient, path: Path, address: str, source: Source) -> str | None:
    """Fetch a file, in several attempts; the reason where all fail."""
    for attempt in range(source.attempts):
        try:
            async with asyncio.timeout(10 * source.timeout):
                content = await _get(client, address)
            await asyncio.to_thread(_save, path, content)
            return None
        except RetryError as error:
            reason = str(error)
            wait = error.wait
        except (httpx.TransportError, TimeoutError) as error:
            reason = f"{type(error).__name__} {error}".rstrip()
            wait = None
        except httpx.HTTPError as error:
            return str(error)
        if wait is None:
            # A little chance, so that files that failed together do not all come back together.
            wait = source.wait * 2**attempt * random.uniform(0.75, 1.25)
        if attempt + 1 < source.attempts:
            await asyncio.sleep(min(wait, source.max_wait))
    return f"{reason} ({source.attempts} attempts)"


async def _stay(site: httpx.URL, request: httpx.Request) -> None:
    """Ask no other server, wherever a redirect leads; the same one by https is fine."""
    allowed = [(scheme, site.host, site.port) for scheme in (site.scheme, "https")]
    if (request.url.scheme, request.url.host, request.url.port) not in allowed:
        raise httpx.HTTPError(
            f"the server leads to another one, {request.url.host}: if you trust it, set prepare.download.base_url to it"
        )


async def _get(client: httpx.AsyncClient, address: str) -> bytes:
    async with client.stream("GET", address) as answer:
        if answer.status_code in BUSY:
            raise RetryError(f"the server answered {answer.status_code}", retry_after(answer))
        if answer.status_code != httpx.codes.OK:
            raise httpx.HTTPError(f"the server answered {answer.status_code}")
        content = bytearray()
        async for part in answer.aiter_bytes(2**16):  # what it says of its length binds nobody
            content += part
            if len(content) > MOST_DOWNLOADED:
                raise httpx.HTTPError(f"it has more than {MOST_DOWNLOADED:,} bytes, which no plane has")
    return bytes(content)


def _save(path: Path, content: bytes) -> None:
    with replacing(path, sync=False) as temporary:  # every start looks at what is here, see `_whole_files`
        temporary.write_bytes(content)
        try:
            check(temporary)
        except InputError as error:
            raise RetryError(f"no whole JPEG: {error}".replace(str(temporary), "it")) from error
