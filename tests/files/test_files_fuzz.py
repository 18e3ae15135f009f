"""Pictures of strangers: whatever their bytes, reading ends in pixels or in one sentence, and takes little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import strange_pictures

Outcome = tuple[str, dict[str, str], int]  # name, what each way of reading said, MB so far


def read_all(folder: Path, *words: object) -> list[Outcome]:
    """Read strange pictures in a process of its own."""
    command = [sys.executable, strange_pictures.__file__, folder, *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{lines[-1:]}: {done.stderr[-2000:]}"
    return [(one["name"], two["said"], two["memory"]) for one, two in zip(lines[::2], lines[1::2], strict=True)]


def refuse_what_came_through(outcomes: list[Outcome]) -> None:
    for name, said, memory in outcomes:
        for way, sentence in said.items():
            assert "came through" not in sentence, (name, way, sentence)
            assert "MemoryError" not in sentence, (name, way, sentence)
            assert not sentence or name.partition("_")[0].partition(".")[0] in sentence, (name, way, sentence)
            assert sentence.isprintable(), (name, way, sentence)
        assert memory < strange_pictures.MOST_MEMORY, (name, memory)


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return {outcome[0]: outcome for outcome in read_all(tmp_path_factory.mktemp("bombs"), "bombs")}


def test_no_header_is_believed_before_there_is_memory_for_it(bombs: dict[str, Outcome]) -> None:
    refuse_what_came_through(list(bombs.values()))


@pytest.mark.parametrize(
    ("name", "way", "sentence"),
    [
        ("side_green.png", "read", "exceeds limit"),
        ("side_green.png", "size", "exceeds limit"),
        ("side9000_green.png", "size", "says that it has 9000 x 9000 pixels, more than 67,108,864: cut it into single"),
        ("side_green.tif", "size", "says that it has 100000 x 100000 pixels"),
        ("nothing_green.tif", "size", "says that it has no pixels"),
        ("ours.tif", "read", "says that it has 100000 x 100000 pixels"),
        ("tile_green.tif", "size", "says that it has 65536 x 65536 pixels"),
        ("samples_green.tif", "read", "has shape (20, 28, 60000): expected the planes of one image"),
        ("strip_green.tif", "read", "cannot be read: DeflateError"),
        ("times.ome.tif", "size", "headers describe more than the planes of one image"),
        ("width.ome.tif", "size", "headers describe more than the planes of one image"),
        ("count.ome.tif", "size", "headers describe more than the planes of one image"),
        ("lifetimes.ome.tif", "size", "headers describe more than the planes of one image"),
        ("images.tif", "size", "expected four channels"),
        ("shaped.tif", "size", "has shape (1000000000, 20, 28): expected the planes of one image"),
        ("nested.tif", "size", "cannot be read: RecursionError"),
        ("circle.tif", "size", "headers describe more than the planes of one image"),
        ("pages.tif", "size", "headers describe more than the planes of one image"),
        ("zipped_green.tif.gz", "size", "unzips to more than"),
        ("jpeg_green.tif", "size", "is compressed by JPEG: save it without compression, or by PackBits, Deflate"),
        ("text_green.tif", "size", r"is compressed by \x08: save it without"),
        ("program_green.png", "size", "cannot identify image file"),
        ("text_green.png", "read", "too large"),
    ],
)
def test_headers_that_lie_are_named(bombs: dict[str, Outcome], name: str, way: str, sentence: str) -> None:
    assert sentence.lower() in bombs[name][1][way].lower()


def test_damage_ends_in_pixels_or_in_one_sentence(tmp_path: Path) -> None:
    outcomes = read_all(tmp_path, "mutants", 0, 300)
    refuse_what_came_through(outcomes)
    good = sum(not said["read"] for _, said, _ in outcomes)
    assert 20 < good < 200  # damage of both kinds: what a reader notices, and what it cannot


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 21000, 5000))
def test_much_damage_ends_in_pixels_or_in_one_sentence(tmp_path: Path, first: int) -> None:
    refuse_what_came_through(read_all(tmp_path, "mutants", first, 5000))
