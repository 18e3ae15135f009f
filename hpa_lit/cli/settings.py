"""What the settings of a verb may be: types that mypy sees too, and one message about all that do not fit."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from omegaconf import DictConfig, OmegaConf
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from hpa_lit.cli import schema_words
from hpa_lit.cli.command import resolved
from hpa_lit.errors import InputError, listing
from hpa_lit.files.names import fault


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


def _within(name: str) -> str:
    """Of a folder, inside another; as for the names of files there."""
    if any(map(fault, name.split("/"))):
        raise ValueError("leads out of its folder")
    return name


def _of_colors(planes: dict[str, str | int]) -> dict[str, str | int]:
    if not planes.keys() <= {"red", "green", "blue", "yellow"}:
        raise ValueError("names no plane")
    return planes


Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], BeforeValidator(_listed)]  # one may stand alone, without brackets
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Seconds = NonNegativeFloat
Place = Annotated[str, AfterValidator(_within), Field(description="give a name such as a or a/b, without ..")]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy takes
# The rooms that have these types load heavy libraries, which a command's help does not wait for.
BitDepth = Literal["auto", 8, 12, 16]
Channels = Literal["rgby", "rgb"]
Missing = Literal["error", "zero"]
OnFailed = Literal["error", "drop"]
# How anybody's pictures lie in their files, of conf/data/folder.yaml and conf/prediction.yaml.
PlaneChannels = Annotated[
    dict[str, str | int],
    AfterValidator(_of_colors),
    Field(min_length=1, description="give the channel of each color, such as {red: C2, green: C1, blue: C0}"),
]
Slices = Literal["max"] | NonNegativeInt
PixelSize = Literal["auto"] | PositiveFloat
Epoch = Literal["best", "last"] | PositiveInt
# Of Lightning's Trainer.
Precision = Literal[
    "32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true", 64, 32, 16, "64", "32", "16", "bf16"
]
Portion = PositiveInt | PositiveShare  # batches, or the share of them


class Settings(BaseModel):
    """A section of a config, or the whole of a verb's: a field for each of its keys.

    A whole number may stand for a number, and nothing else for what it is not: no true for 1, no "3" for 3, no NaN.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, ser_json_inf_nan="constants"
    )

    @classmethod
    def of(cls, config: DictConfig, optional: Sequence[str] = ()) -> Self:
        """The settings that a composed config holds, interpolations filled in.

        Args:
            config: As Hydra composed it.
            optional: Keys that become None where they have no value.

        Raises:
            InputError: Values are missing or do not fit; says for each what to write instead.
        """
        values = resolved(config, optional)
        faults = cls.faults(values)
        # What a section takes from another setting, as data.seed from seed, is said of that one.
        own = {key: fault for key, fault in faults.items() if not _is_taken(config, key)}
        _refuse(own or faults)
        return cls._read(values)

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Self:
        """The settings that plain containers hold, such as `plain` gives.

        Raises:
            InputError: Values do not fit; says for each what to write instead.
        """
        _refuse(cls.faults(values))
        return cls._read(values)

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """For the dotted key of each value that does not fit a sentence that says so, and what to write instead."""
        try:
            cls._read(values)
        except ValidationError as error:
            schema, mistakes = cls.model_json_schema(), error.errors(include_url=False)
            return dict(found for mistake in mistakes for found in schema_words.faults(schema, values, mistake))
        return {}

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> Self:
        # In JSON a text is all that can stand for a path, and a list for a tuple: strict means no more than that.
        return cls.model_validate_json(json.dumps(values))

    @classmethod
    def words(cls, key: str) -> list[str]:
        """The words that may be written for a dotted key, ``/`` for any path; a key that is not declared may be one."""
        return schema_words.words(cls.model_json_schema(), key)

    def some(self, names: Sequence[str]) -> dict[str, Any]:
        """The settings of these names."""
        return {name: getattr(self, name) for name in names}

    def plain(self) -> dict[str, Any]:
        """Plain containers with the keys of the config, as YAML and JSON take them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Paths(Settings):
    """Where data and results lie, of conf/paths."""

    root: Path
    outputs: Path


class TrainerSettings(Settings):
    """Arguments of Lightning's Trainer, and ours: of conf/trainer, then others that ``+trainer.NAME=VALUE`` adds.

    Those that are not here would contradict what a verb decides, or stop a training before it is finished.
    """

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"]
    devices: Literal["auto", -1] | PositiveInt | Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    num_nodes: PositiveInt
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_false", "ddp_find_unused_parameters_true"]
    precision: Precision
    gradient_clip_val: NonNegativeFloat | None
    accumulate_grad_batches: PositiveInt
    sync_batchnorm: bool
    save_on_term: bool
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    min_epochs: PositiveInt | None = None
    limit_train_batches: Portion | None = None
    limit_val_batches: Portion | None = None
    overfit_batches: Literal[0] | Portion = 0
    fast_dev_run: bool | PositiveInt = False
    num_sanity_val_steps: Literal[-1] | NonNegativeInt | None = None
    deterministic: bool | Literal["warn"] | None = None
    benchmark: bool | None = None
    detect_anomaly: bool = False
    inference_mode: bool = True
    profiler: Literal["simple", "advanced", "pytorch"] | None = None
    enable_progress_bar: bool | None = None


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
    model: str | None
    batch_size: PositiveInt
    workers: NonNegativeInt | None
    bits: BitDepth | None
    missing: Missing
    naming: str | None
    planes: PlaneChannels | None
    z: Slices | None
    pixel_size: PixelSize | None
    channels_last: bool
    save_every: Seconds
    trust: bool


def _refuse(faults: Mapping[str, str]) -> None:
    if len(faults) == 1:
        raise InputError(*faults.values())
    if faults:
        raise InputError(f"{len(faults)} settings cannot be used:\n{listing(list(faults.values()))}")


def _is_taken(config: DictConfig, key: str) -> bool:
    """Whether a config has another setting, as ``${seed}``, in place of a value."""
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else config
    return isinstance(section, DictConfig) and name in section and OmegaConf.is_interpolation(section, name)


class Part(Settings):
    """What names anyone's function or class by ``_target_``: all else are its arguments, of which it knows most."""

    model_config = ConfigDict(extra="allow")

    target: str = Field(alias="_target_", min_length=1)
    partial: bool = Field(default=False, alias="_partial_")


def part(known: Mapping[str, type[Settings]], others: type[Settings] = Part) -> AfterValidator:
    """Make a mapping with ``_target_`` keep to the settings declared for that target.

    Args:
        known: Settings of functions and classes, by the dotted names that configs have for them.
        others: What any other must keep to.
    """

    def check(values: dict[str, Any]) -> dict[str, Any]:
        target = values.get("_target_")
        if faults := known.get(target if isinstance(target, str) else "", others).faults(values):
            raise PydanticCustomError(schema_words.PART, "{faults}", {"faults": faults})
        return values

    return AfterValidator(check)
