"""What a case is, and the few ways to break a file."""

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Change = Callable[[Path], object]  # of a folder that `world.build` has made

# Each command on whole inputs, in that folder. The words of a case take the place of words with the same key.
COMMANDS = {
    "train": "experiment=small images=pictures labels=labels.csv data.folds=2 data.crop_size=32 data.workers=0 "
    "batch_size=2 scheduler.epochs=1",
    "predict": "run=run images=pictures out=result.parquet trainer=cpu workers=0",
    "embed": "run=embedder images=pictures out=result.parquet trainer=cpu workers=0",
    "export": "run=run format=bundle out=model.zip",
    "combine": "predictions=[fold0.parquet,fold1.parquet] output=ensemble.parquet",
    "submit": "predictions=test.parquet thresholds=fixed output=answer",
    "report": "predictions=test.parquet truth=truth.csv output=page",
    "neighbours": "queries=queries.parquet gallery=gallery.parquet gallery_table=gallery.csv query_table=queries.csv "
    "output=found",
    "check": "images=pictures labels=labels.csv workers=1",
    "prepare": "stage=metadata paths.root=data prepare.workers=1",
    "runs": "",
    "models": "",
    "compare": "",
    "draw": "paths.root=drawn draw.fields=4 draw.workers=1",
    "pipeline": "dry_run=true",
    "demo": "dry_run=true",
}


@dataclass(frozen=True)
class Case:
    """A broken input.

    Attributes:
        name: What is broken.
        verb: The command that meets it.
        words: What its command line has beside or in place of that of `COMMANDS`.
        change: What breaks it; None where the words alone do.
        sentence: A regular expression of what the command says: the culprit and the remedy.
        writes: Whether there is a result all the same, of what was not broken.
    """

    name: str
    verb: str
    words: str
    change: Change | None
    sentence: str
    writes: bool = False

    @property
    def line(self) -> list[str]:
        """The words of its command line."""
        words = [*COMMANDS[self.verb].split(), "paths.outputs=out", *shlex.split(self.words)]
        return list({word.partition("=")[0] if "=" in word else word: word for word in words}.values())

    def make(self, home: Path) -> None:
        """Break it."""
        if self.change is not None:
            self.change(home)


def write(name: str, content: str | bytes) -> Change:
    """A file of this content in place of another, or new."""

    def change(home: Path) -> None:
        remove(name)(home)
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def cut(name: str, share: float = 0.5) -> Change:
    """A file of which the end is missing."""
    return lambda home: write(name, (whole := (home / name).read_bytes())[: int(len(whole) * share)])(home)


def remove(name: str) -> Change:
    """A file or folder that is not there."""

    def change(home: Path) -> None:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    return change


def folder(name: str) -> Change:
    """A folder in place of a file."""

    def change(home: Path) -> None:
        remove(name)(home)
        (home / name).mkdir()

    return change


def copy(source: str, name: str) -> Change:
    """A file that has the content of another."""
    return lambda home: write(name, (home / source).read_bytes())(home)


def replace(name: str, old: str, new: str) -> Change:
    """A text of which a part is another."""

    def change(home: Path) -> None:
        text = (home / name).read_text()
        assert old in text
        write(name, text.replace(old, new, 1))(home)

    return change
