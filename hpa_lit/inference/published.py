"""Trained models that others have published, each under a name: what is known of them, and their weights."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt

from hpa_lit.errors import InputError, meant
from hpa_lit.files import tree
from hpa_lit.files.fetching import Patience, fetch
from hpa_lit.files.reading import sha256
from hpa_lit.files.writing import replacing
from hpa_lit.nets.state_files import read_checkpoint

MIRROR = "HPA_LIT_MIRROR"  # the variable that names an address below which the files lie, instead of their publishers'
TABLE = Path(__file__).with_name("published.yaml")


class PublishedModel(BaseModel):
    """A checkpoint of the reference, and how it is read.

    Attributes:
        file: Its name.
        url: Address of the folder that it was published in.
        sha256: Of its content; None where nobody has said it.
        publisher: Who published it, and where.
        licence: The terms of its use.
        citation: What to cite.
        arch: Its network, see `nets.build_classifier`; it answers the 28 locations.
        image_size: Side that images are brought to.
        crop_size: Side of what the network sees.
        reading: Why it is taken for this network and these sizes.
        others: Names under which the same file is read otherwise.
        note: What else to know.
        examples: By Id of a field of the Human Protein Atlas, the location that its publishers say it answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str
    url: str
    sha256: str | None
    publisher: str
    licence: str
    citation: str
    arch: str
    image_size: PositiveInt
    crop_size: PositiveInt
    reading: str
    others: list[str]
    note: str
    examples: Mapping[str, str]

    @property
    def place(self) -> Path:
        """Where its weights are kept."""
        return tree.cache().weights(self.file)

    @property
    def address(self) -> str:
        """Where they are fetched from."""
        return f"{(os.environ.get(MIRROR) or self.url).rstrip('/')}/{self.file}"

    @property
    def remark(self) -> str:
        """What to say where its answers are used."""
        sizes = f"{self.image_size} pixels, crops of {self.crop_size}"
        others = "".join(f"; model={name} reads the same file otherwise" for name in self.others)
        return f"{self.file} is taken for {self.arch} at {sizes}, {self.reading}{others}"


@cache
def published_models() -> Mapping[str, PublishedModel]:
    """All of them by name."""
    table: dict[str, Any] = yaml.safe_load(TABLE.read_text())
    return {name: PublishedModel(**entry) for name, entry in table.items()}


def published_model(name: str) -> PublishedModel:
    """The one of a name.

    Raises:
        InputError: There is none.
    """
    models = published_models()
    if name not in models:
        raise InputError(
            f"model={name}: there is no published model of this name{meant(name, models) or '.'} hpa-lit models lists "
            f"them: {', '.join(models)}"
        )
    return models[name]


def weights_of(model: PublishedModel, patience: Patience | None = None) -> Path:
    """The file of a model's weights, fetched where it is not here yet, and found to be the one that it was.

    Raises:
        InputError: It cannot be had, or is another one.
    """
    path, note = model.place, tree.cache().checksum(model.file)
    if not path.is_file():
        print(f"fetching {model.address} -> {path}")
        fetch(model.address, path, lambda came: _check(came, model), patience)
    if (known := _known(model)) is None:
        read_checkpoint(path)  # what somebody put there by hand may be anything
        with replacing(note) as temporary:
            temporary.write_text(json.dumps({"sha256": sha256(path), "url": model.address}, indent=1) + "\n")
        print(f"{path.name}: no checksum was published; {note} holds to what is here now")
    elif (found := sha256(path)) != known:
        raise InputError(
            f"{path} is not the file that it was: its sha256 is {found}, and not {known}. Remove it, and it is fetched "
            f"anew{_unless(model)}"
        )
    return path


def _check(path: Path, model: PublishedModel) -> None:
    """Raise `InputError` unless what was fetched is what was published, or at least weights."""
    if (known := _known(model)) is not None and (found := sha256(path)) != known:
        raise InputError(
            f"{model.address} gives a file whose sha256 is {found}, and not {known}: nothing of it is kept; try again"
            f"{_unless(model)}"
        )
    try:
        read_checkpoint(path)
    except InputError as error:
        raise InputError(
            f"{model.address} gives no weights, perhaps the page of a gateway: nothing of it is kept; try again, or "
            f"fetch it elsewhere and put it at {model.place}"
        ) from error


def _known(model: PublishedModel) -> str | None:
    """The checksum that was published, or else recorded."""
    note = tree.cache().checksum(model.file)
    if model.sha256 is not None or not note.is_file():
        return model.sha256
    try:
        return str(json.loads(note.read_text())["sha256"])
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{note} cannot be read: remove it, and the checksum is recorded anew") from error


def _unless(model: PublishedModel) -> str:
    """What to do where a recorded checksum is the wrong one."""
    return "" if model.sha256 else f"; where it was published anew, remove {tree.cache().checksum(model.file)} too"
