"""A trained model as one file: a zip of its weights and of all that is to be known to use them.

Its members are not compressed, and its last words are a checksum of all before them.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from hpa_lit.errors import InputError, listing, mistakes
from hpa_lit.files.reading import reading
from hpa_lit.files.writing import replacing

SUFFIX = ".zip"
DESCRIPTION, WEIGHTS, SUMS = "model.json", "weights.safetensors", "checksums.txt"
SEAL = b"hpa_lit bundle 1, sha256 of all before: "
SEALED = len(SEAL) + 64  # bytes of the archive's comment
CUT = "it is cut off, was changed, or is no bundle: export it again, or download it again"
DAY = (1980, 1, 1, 0, 0, 0)  # of every member, so that one model makes one file


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Net(_Strict):
    """What builds the network: one of ours, without weights of other files."""

    target: Literal["hpa_lit.nets.build_classifier", "hpa_lit.nets.build_embedder"] = Field(alias="_target_")
    arch: str
    options: dict[str, Any] | None = None
    pool: Literal["attention"] | None = None
    map_pool: Literal["gem"] | None = None


class Seen(_Strict):
    """How its training saw images."""

    target: None = Field(alias="_target_")  # which images these were, it does not know
    name: str | int | None
    image_size: Annotated[int, Field(gt=0, le=2**15)]
    crop_size: Annotated[int, Field(gt=0, le=2**15)] | None
    bits: Literal["auto", 8, 12, 16]
    channels: Literal["rgby", "rgb"]
    target_pixel_size: PositiveFloat | None
    field_size: PositiveInt | None = None
    others: Literal["mask", "keep"] | None = None
    naming: str | None
    planes: dict[str, str | int] | None
    z: Literal["max"] | NonNegativeInt | None


class Config(_Strict):
    """Of a checkpoint's config, what a prediction needs to know."""

    run_name: str
    fold: int | None
    split: str | None
    arch: Net
    num_classes: PositiveInt
    targets: Literal["labels", "antibodies"]
    labels: tuple[str, ...]
    data: Seen


class Description(_Strict):
    """What a bundle says of its weights.

    Attributes:
        config: Of the checkpoint.
        decision: How probabilities become answers, see `results.decision`.
        about: What people want to know: channels, normalisation, sizes, metrics, data hash, licence.
    """

    config: Config
    decision: dict[str, Any] | None
    about: dict[str, Any]


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle, by its name."""
    return path.suffix == SUFFIX


def write(path: Path, description: Mapping[str, Any], weights: bytes) -> None:
    """Write a bundle.

    Args:
        path: The file, ``.zip``.
        description: As `Description` has it.
        weights: A safetensors file.
    """
    Description.model_validate_json(json.dumps(description))
    members = {DESCRIPTION: (json.dumps(description, indent=1) + "\n").encode(), WEIGHTS: weights}
    members[SUMS] = _sums(members)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name, DAY), member)
        archive.comment = SEAL + b"0" * 64
    body = content.getvalue()[:-SEALED]
    with replacing(path) as temporary:
        temporary.write_bytes(body + _seal(body))


def read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read the description of a bundle, as `Description` has it, and its weights, a safetensors file.

    Raises:
        InputError: It is no bundle, a byte of it was changed, or it holds what no bundle holds.
    """
    with reading(path, "cannot be read as a bundle"):
        content = path.read_bytes()
        body, seal = content[:-SEALED], content[-SEALED:]
        if not seal.startswith(SEAL):
            raise InputError(f"{path} cannot be read as a bundle: {CUT}")
        if seal != _seal(body):
            raise InputError(f"{path} was changed after it was made: its checksum is another; export or download again")
        members = _members(path, content)
        if members.pop(SUMS) != _sums(members):
            raise InputError(f"{path} contradicts itself: its members have other checksums than it says")
        description = json.loads(members[DESCRIPTION])
        try:
            Description.model_validate_json(members[DESCRIPTION])
        except ValidationError as error:
            raise InputError(f"{path}: its {DESCRIPTION} cannot be used:\n{listing(mistakes(error))}") from error
    assert isinstance(description, dict)
    return description, members[WEIGHTS]


def _members(path: Path, content: bytes) -> dict[str, bytes]:
    """What the archive holds, once it is sure to be what `write` puts into one: no name, size or place is trusted."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        if names != [DESCRIPTION, WEIGHTS, SUMS]:
            raise InputError(f"{path} holds {', '.join(names[:5]) or 'nothing'}; a bundle holds other files")
        packed = [info for info in infos if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1]
        if packed or sum(info.file_size for info in infos) > len(content):
            raise InputError(f"{path} is packed, encrypted, or says that it holds more than it does: no bundle is")
        return {name: archive.read(name) for name in names}


def _sums(members: Mapping[str, bytes]) -> bytes:
    """As ``sha256sum --check`` reads them."""
    return "".join(f"{hashlib.sha256(member).hexdigest()}  {name}\n" for name, member in members.items()).encode()


def _seal(body: bytes) -> bytes:
    return SEAL + hashlib.sha256(body).hexdigest().encode()
