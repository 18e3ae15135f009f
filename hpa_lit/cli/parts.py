"""What the parts of a training may be that configs name by `_target_`: settings of each that conf/ has.

A part of somebody's own keeps to what every part of its group needs, and is otherwise free.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from hpa_lit.cli.settings import (
    BitDepth,
    Channels,
    Part,
    PixelSize,
    PlaneChannels,
    PositiveShare,
    Seed,
    Settings,
    Share,
    Slices,
    part,
)

Side = Annotated[int, Field(gt=0, le=2**15)]  # a plane of the largest is a GB
ShareBelowOne = Annotated[float, Field(ge=0, lt=1, description="give a number from 0 to less than 1")]
Planes = Field(min_length=3, max_length=4)


class OurPart(Part):
    """A part of this package, whose arguments are all known."""

    model_config = ConfigDict(extra="forbid")


class NetSettings(OurPart):
    """Of conf/arch."""

    arch: str
    dropout: Annotated[tuple[Share, ...], Field(min_length=2, max_length=2)]
    pretrained: bool
    weights: Path | None
    freeze: bool = False
    pool: Literal["attention"] | None = None
    map_pool: Literal["gem"] | None = None
    options: dict[str, Any] | None = None


class OtherNetSettings(Part):
    """Of somebody's network, which has a name for its runs."""

    arch: str


class DataSettings(OurPart):
    """Of conf/data/base.yaml."""

    name: str | int
    image_size: Side | None
    crop_size: Side | None
    channels: Channels
    mean: Annotated[tuple[Share, ...], Planes] | None
    std: Annotated[tuple[PositiveShare, ...], Planes] | None
    bits: BitDepth
    workers: NonNegativeInt | None
    fold: NonNegativeInt | None
    batch_size: PositiveInt
    seed: Seed
    augment: Any
    repeat_threshold: PositiveShare | None = None


class AtlasSettings(DataSettings):
    """Of conf/data/atlas.yaml."""

    image_size: Side
    root: Path
    split: str
    targets: Literal["labels", "antibodies"]


class FolderSettings(DataSettings):
    """Of conf/data/folder.yaml."""

    images: Path | None
    labels: Path | None
    label_list: Annotated[tuple[str | int, ...], Field(min_length=1)] | None
    folds: Annotated[int, Field(ge=2)]
    group: str | None
    naming: str | None
    planes: PlaneChannels | None
    z: Slices | None
    pixel_size: PixelSize | None
    target_pixel_size: PositiveFloat | None


class CellDataSettings(DataSettings):
    """Of conf/data/cells.yaml."""

    images: Path
    labels: Path
    label_list: Annotated[tuple[str | int, ...], Field(min_length=1)] | None
    folds: Annotated[int, Field(ge=2)]
    group: str | None
    bag: PositiveInt | None
    field_size: Side | None
    others: Literal["mask", "keep"] | None


class OptimizerSettings(Part):
    """Of conf/optimizer."""

    lr: PositiveFloat | None = None
    fused: bool | None = None
    weight_decay: NonNegativeFloat = 0


class OtherSchedulerSettings(Part):
    """Of somebody's scheduler: how long a training is."""

    epochs: PositiveInt


class SteppedSettings(OtherSchedulerSettings):
    """Of conf/scheduler, the recipes'."""

    model_config = ConfigDict(extra="forbid")

    rates: Annotated[tuple[tuple[PositiveInt, PositiveFloat], ...], Field(min_length=1)] = Field(
        description="give pairs [first epoch, rate] such as [[1,3e-4],[26,1.5e-4]]"
    )


class WarmupCosineSettings(OtherSchedulerSettings):
    """Of conf/scheduler/warmup_cosine.yaml."""

    model_config = ConfigDict(extra="forbid")

    rate: PositiveFloat
    warmup: NonNegativeInt
    final: Share
    last: PositiveInt


class CosineSettings(OtherSchedulerSettings):
    """Of conf/scheduler/cosine.yaml."""

    T_max: PositiveInt
    eta_min: NonNegativeFloat


class CombinedLossSettings(OurPart):
    """Of conf/loss/combined.yaml."""

    focal: NonNegativeFloat
    lovasz: NonNegativeFloat
    hard_log: NonNegativeFloat


class FocalLossSettings(OurPart):
    """Of conf/loss/focal.yaml."""

    gamma: NonNegativeFloat


class BCELossSettings(OurPart):
    """Of conf/loss/bce.yaml."""

    smoothing: ShareBelowOne


class AsymmetricLossSettings(OurPart):
    """Of conf/loss/asymmetric.yaml."""

    gamma_negative: NonNegativeFloat
    gamma_positive: NonNegativeFloat
    margin: ShareBelowOne


class ArcFaceLossSettings(OurPart):
    """Of conf/loss/arcface.yaml."""

    scale: PositiveFloat
    margin: Annotated[float, Field(ge=0, le=3)]  # an angle below pi


class MixingSettings(OurPart):
    """Of conf/mixing."""

    alpha: PositiveFloat


class CheckpointsSettings(OurPart):
    """Of conf/train.yaml."""

    monitor: str
    mode: Literal["min", "max"]
    keep_epochs: PositiveInt | None


class EarlyStoppingSettings(Part):
    """Of conf/callbacks/early_stopping.yaml."""

    monitor: str
    mode: Literal["min", "max"]
    patience: NonNegativeInt


class EMASettings(Part):
    """Of conf/callbacks/ema.yaml."""

    decay: Share


class LoggerSettings(Part):
    """Of conf/logger: csv and tensorboard."""

    save_dir: Path
    name: str


class WandbSettings(LoggerSettings):
    """Of conf/logger/wandb.yaml."""

    project: str
    offline: bool


class MLFlowSettings(Part):
    """Of conf/logger/mlflow.yaml."""

    experiment_name: str
    run_name: str
    tracking_uri: str
    artifact_location: str


NETS: dict[str, type[Settings]] = {
    "hpa_lit.nets.build_classifier": NetSettings,
    "hpa_lit.nets.build_embedder": NetSettings,
}
DATA: dict[str, type[Settings]] = {
    "hpa_lit.data.AtlasDataModule": AtlasSettings,
    "hpa_lit.data.CellDataModule": CellDataSettings,
    "hpa_lit.data.FolderDataModule": FolderSettings,
}
OPTIMIZERS: dict[str, type[Settings]] = {
    "torch.optim.Adam": OptimizerSettings,
    "torch.optim.AdamW": OptimizerSettings,
}
SCHEDULERS: dict[str, type[Settings]] = {
    "hpa_lit.schedules.Stepped": SteppedSettings,
    "hpa_lit.schedules.WarmupCosine": WarmupCosineSettings,
    "torch.optim.lr_scheduler.CosineAnnealingLR": CosineSettings,
}
LOSSES: dict[str, type[Settings]] = {
    "hpa_lit.losses.CombinedLoss": CombinedLossSettings,
    "hpa_lit.losses.FocalLoss": FocalLossSettings,
    "hpa_lit.losses.BCELoss": BCELossSettings,
    "hpa_lit.losses.AsymmetricLoss": AsymmetricLossSettings,
    "hpa_lit.losses.ArcFaceLoss": ArcFaceLossSettings,
}
MIXINGS: dict[str, type[Settings]] = {
    "hpa_lit.tasks.mixing.MixUp": MixingSettings,
    "hpa_lit.tasks.mixing.CutMix": MixingSettings,
}
TASKS: dict[str, type[Settings]] = {"hpa_lit.tasks.ClassifyTask": OurPart, "hpa_lit.tasks.EmbedTask": OurPart}
CALLBACKS: dict[str, type[Settings]] = {
    "hpa_lit.tasks.Checkpoints": CheckpointsSettings,
    "pytorch_lightning.callbacks.EarlyStopping": EarlyStoppingSettings,
    "pytorch_lightning.callbacks.EMAWeightAveraging": EMASettings,
}
LOGGERS: dict[str, type[Settings]] = {
    "pytorch_lightning.loggers.CSVLogger": LoggerSettings,
    "pytorch_lightning.loggers.TensorBoardLogger": LoggerSettings,
    "pytorch_lightning.loggers.WandbLogger": WandbSettings,
    "pytorch_lightning.loggers.MLFlowLogger": MLFlowSettings,
}

Arch = Annotated[dict[str, Any], part(NETS, OtherNetSettings)]
Data = Annotated[dict[str, Any], part(DATA)]
Optimizer = Annotated[dict[str, Any], part(OPTIMIZERS)]
Scheduler = Annotated[dict[str, Any], part(SCHEDULERS, OtherSchedulerSettings)]
Loss = Annotated[dict[str, Any], part(LOSSES)]
Mixing = Annotated[dict[str, Any], part(MIXINGS)]
Task = Annotated[dict[str, Any], part(TASKS)]
Callback = Annotated[dict[str, Any], part(CALLBACKS)]
Logger = Annotated[dict[str, Any], part(LOGGERS)]
Step = Annotated[dict[str, Any], part({})]  # of an augmentation
