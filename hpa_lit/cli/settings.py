"""What the settings of a verb may be: types that mypy sees too, and one message about all that do not fit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from omegaconf import DictConfig
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
)

from hpa_lit.cli.command import resolved
from hpa_lit.errors import InputError, listing


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], BeforeValidator(_listed)]  # one may stand alone, without brackets
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = NonNegativeFloat
# The rooms that have these types load heavy libraries, which a command's help does not wait for.
BitDepth = Literal["auto", 8, 12, 16]
Missing = Literal["error", "zero"]
OnFailed = Literal["error", "drop"]
Epoch = Literal["best", "last"] | PositiveInt


# What values of a type of JSON are called.
_WORDS = {
    "string": ["a text"],
    "boolean": ["true", "false"],
    "null": ["null"],
    "object": ["a mapping as {NAME: VALUE}"],
}


class Settings(BaseModel):
    """A section of a config, or the whole of a verb's: a field for each of its keys.

    A whole number may stand for a number, and nothing else for what it is not: no true for 1, no "3" for 3, no NaN.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, config: DictConfig, optional: Sequence[str] = ()) -> Self:
        """The settings that a composed config holds, interpolations filled in.

        Args:
            config: As Hydra composed it.
            optional: Keys that become None where they have no value.

        Raises:
            InputError: Values are missing or do not fit; says for each what to write instead.
        """
        return cls.of_plain(resolved(config, optional))

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Self:
        """The settings that plain containers hold, such as `plain` gives.

        Raises:
            InputError: Values do not fit; says for each what to write instead.
        """
        try:
            # In JSON a text is all that can stand for a path, and a list for a tuple: strict means no more than that.
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            schema = cls.model_json_schema()
            mistakes = error.errors(include_url=False)
            culprits = list(dict.fromkeys(_sentence(schema, values, tuple(it["loc"]), it["type"]) for it in mistakes))
        if len(culprits) == 1:
            raise InputError(culprits[0])
        raise InputError(f"{len(culprits)} settings cannot be used:\n{listing(culprits)}")

    def plain(self) -> dict[str, Any]:
        """Plain containers with the keys of the config, as YAML and JSON take them."""
        return self.model_dump(mode="json", by_alias=True)


class Paths(Settings):
    """Where data and results lie, of conf/paths."""

    root: Path
    outputs: Path


class TrainerSettings(Settings):
    """Arguments of Lightning's Trainer, of conf/trainer; ``+trainer.NAME=VALUE`` adds any other of them."""

    model_config = ConfigDict(extra="allow")

    accelerator: str
    devices: Literal["auto"] | int | tuple[int, ...]
    num_nodes: PositiveInt
    strategy: str
    precision: str | int
    gradient_clip_val: NonNegativeFloat | None
    accumulate_grad_batches: PositiveInt
    sync_batchnorm: bool


class ViewSettings(Settings):
    """Of conf/views."""

    name: str
    crops: PositiveInt
    dihedral: tuple[str, ...]


class PredictionSettings(Settings):
    """Of conf/prediction.yaml, which says what each is."""

    paths: Paths
    trainer: TrainerSettings
    run: Path | None
    epoch: Epoch
    batch_size: PositiveInt
    workers: NonNegativeInt | None
    bits: BitDepth | None
    missing: Missing
    channels_last: bool
    save_every: Seconds
    trust: bool

    def some(self, names: Sequence[str]) -> dict[str, Any]:
        """The settings of these names."""
        return {name: getattr(self, name) for name in names}


def _sentence(schema: dict[str, Any], values: Mapping[str, Any], place: tuple[int | str, ...], kind: str) -> str:
    """What is wrong with a setting, and what to write instead.

    Args:
        schema: JSON schema of all settings.
        values: All settings.
        place: Where pydantic found a mistake: the keys that lead to the setting, then what leads on inside its value.
        kind: Pydantic's name for the mistake.
    """
    node, value, keys = schema, values, list[str]()
    for key in map(str, place):
        if key not in node.get("properties", {}):
            break
        node = node["properties"][key]
        for section in node.get("anyOf", [node]):
            if "$ref" in section:
                node = schema["$defs"][section["$ref"].rpartition("/")[2]]
        value = value.get(key, {})
        keys.append(key)
    name = ".".join(keys)
    if kind == "extra_forbidden":
        return f"{'.'.join(map(str, place))}: there is no such setting, leave it out"
    if kind == "missing":
        return f"{name} is missing: give {_either(node)}"
    wanted = f"{'choose' if _is_choice(node) else 'give'} {_either(node)}"
    if "properties" not in node:  # of a section, it is the docstring
        wanted = node.get("description", wanted)
    return f"{name}={_text(value)}: {wanted}"


def _is_choice(schema: dict[str, Any]) -> bool:
    """Whether all that may be written is a few words."""
    if "anyOf" in schema or "items" in schema:
        return all(map(_is_choice, schema.get("anyOf") or [schema["items"]]))
    return bool({"enum", "const"} & schema.keys()) or schema.get("type") in ("boolean", "null")


def _either(schema: dict[str, Any]) -> str:
    """What may be written, such as ``best, last or a whole number above 0``."""
    *others, last = dict.fromkeys(_alternatives(schema))
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(schema: dict[str, Any]) -> Iterator[str]:
    """What may be written for a value, in words."""
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _alternatives(one)
    elif "enum" in schema or "const" in schema:
        yield from map(_text, schema.get("enum") or [schema["const"]])
    elif schema["type"] == "array":
        if "minItems" in schema:
            yield f"a list of {schema['minItems']}, each {_either(schema['items'])}"
        else:
            yield from _alternatives(schema["items"])
            yield "several as [A,B]"
    elif schema["type"] in ("integer", "number"):
        yield ("a whole number" if schema["type"] == "integer" else "a number") + _range(schema)
    elif schema.get("format") == "path":
        yield "a path such as ./name"
    else:
        yield from _WORDS[schema["type"]]


def _range(schema: dict[str, Any]) -> str:
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g}"
    if "minimum" in schema:
        return f" from {schema['minimum']:g} " + (f"to {schema['maximum']:g}" if "maximum" in schema else "on")
    return ""


def _text(value: object) -> str:
    """A value as the command line has it."""
    return value if isinstance(value, str) else json.dumps(value)
