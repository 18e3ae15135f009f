"""Train one model: ``python -m hpa_lit.train arch=densenet121_large data=i1536 fold=0``.

The same command started again goes on where it stopped.
"""

import json
import logging
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pydantic import NonNegativeInt, PositiveInt

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import command
from hpa_lit.cli.making import made
from hpa_lit.cli.parts import Arch, Callback, Data, Logger, Loss, Mixing, Optimizer, Scheduler, Step, Task
from hpa_lit.cli.planned_run import FREE_KEYS
from hpa_lit.cli.provenance import config_hash, recorded
from hpa_lit.cli.settings import Paths, Place, Seed, Settings, TrainerSettings
from hpa_lit.cli.words import FOLDER
from hpa_lit.errors import InputError
from hpa_lit.files.lock import held
from hpa_lit.files.tree import RunTree, folder_lock
from hpa_lit.files.writing import into, remove_stale, replacing

if TYPE_CHECKING:
    from hpa_lit.data import ImageDataModule

# What people write who know other Lightning projects.
SHORT = {**FOLDER, "data.batch_size": "batch_size", "trainer.max_epochs": "scheduler.epochs"}

# Warnings of Lightning and torch that are about their own insides, or that a decision here answers.
ANSWERED_WARNINGS = (
    ".*sync_dist=True.*",  # metrics are computed from gathered data and equal on all ranks
    ".*does not have many workers.*",  # data.workers says how many
    ".*smaller than the logging interval.*",  # curves have a point an epoch
    ".*torch.distributed.nn.functional.all_gather is deprecated.*",
    ".*LeafSpec.*",
    ".*in eval mode at the start of training.*",  # of a frozen backbone
    ".*train_dataloader yielded None.*",  # of batches that were seen before a training was stopped
)


class AugmentSettings(Settings):
    """Of conf/augment."""

    transforms: dict[str, Step]


class TrainSettings(Settings):
    """Of conf/train.yaml and its groups, which say what each is; `num_classes` and `labels` come of the images."""

    paths: Paths
    task: Task
    targets: Literal["labels", "antibodies"]
    monitor: str
    mode: Literal["min", "max"]
    arch: Arch
    data: Data
    augment: AugmentSettings
    optimizer: Optimizer
    scheduler: Scheduler
    loss: Loss
    trainer: TrainerSettings
    callbacks: dict[str, Callback] | None
    logger: dict[str, Logger] | None = None
    split: str
    fold: NonNegativeInt | None
    batch_size: PositiveInt
    seed: Seed
    compile: bool
    channels_last: bool
    keep_epochs: PositiveInt | None
    tag: str | int
    run_name: Place
    run_folder: Place
    folder: Path
    num_classes: PositiveInt | None = None
    labels: list[str] | None = None
    mixing: Mixing | None = None


@command("train", SHORT)
def main(config: DictConfig) -> float | None:
    """Check the config and every image, then train here, or in a process a device; gives the best score."""
    if "arch" not in config.arch:
        raise InputError(f"arch={config.arch._target_} has no name for its runs: add arch: NAME to it")
    settings = TrainSettings.of(config)
    trainer = ranks.trainer_arguments(settings.trainer.plain())
    run = RunTree(Path(HydraConfig.get().runtime.output_dir).absolute())
    writes = ranks.is_first() and not trainer.get("fast_dev_run")
    with held(folder_lock(run.folder), run.folder, "set tag=NAME") if writes else nullcontext():
        return train(settings, trainer, run)


def train(settings: TrainSettings, trainer: dict[str, Any], run: RunTree) -> float | None:
    """Train in a folder that nobody else writes into."""
    processes = ranks.count(trainer) * trainer["num_nodes"]
    settings, data = load_data(settings, run)
    if data.batch_size % processes:
        raise InputError(
            f"batch_size={data.batch_size} counts the images on all devices together and cannot be shared among "
            f"{processes}: set it to a multiple"
        )
    if trainer["sync_batchnorm"] and processes > 1 and not ranks.gpus(trainer):
        raise InputError(
            "trainer.sync_batchnorm=true needs a GPU for each process: PyTorch has no batch norm over processes on the "
            "CPU; leave it out, or train in one process"
        )
    try_parts(settings, data)
    kept: AbstractContextManager[None] = nullcontext()
    if ranks.is_first() and not trainer.get("fast_dev_run"):
        from hpa_lit.data.record import fingerprint, write_record

        refuse_older(run)
        claim(run.config, settings.plain(), "tag=NAME", FREE_KEYS)
        remove_stale(run.checkpoint("last").parent, "*.ckpt")
        assert data.sides is not None
        if not run.record.is_file():
            write_record(run.record, data.sides)
        kept = recorded(
            run.provenance,
            after=run.numbered_checkpoints()[-1].stem if run.numbered_checkpoints() else None,
            config_hash=config_hash(settings.plain(), FREE_KEYS),
            data_hash=fingerprint(data.sides),
            images={"train": len(data.sides.train.ids), "valid": len(data.sides.valid.ids)},
        )
    # Plain values travel to any process; where this file is started as a command, its classes are of __main__.
    arguments = settings.plain(), trainer, run, data
    with kept:
        score: float | None = ranks.run("hpa_lit.train:fit", trainer, *arguments, patient=settings.trainer.save_on_term)
    return score


def refuse_older(run: RunTree) -> None:
    """Raise `InputError` where a run began with a version whose config said less."""
    if run.config.is_file() and "optimizer" not in OmegaConf.load(run.config):
        raise InputError(
            f"{run.folder} was trained by a version before 0.2, which cannot be gone on with: tag=NAME trains anew "
            "beside it; predict and embed take it as it is"
        )


def load_data(settings: TrainSettings, run: RunTree) -> "tuple[TrainSettings, ImageDataModule]":
    """The images to train and to validate on, each looked at, and the settings with what these decide."""
    for name, step in settings.augment.transforms.items():
        made(f"augment.transforms.{name}", step)
    data: ImageDataModule = made("data", {key: value for key, value in settings.data.items() if key != "name"})
    if data.targets != settings.targets:
        raise InputError("task=embed learns the antibodies of the atlas: set data to i512, i768 or i1536")
    data.record = run.record
    data.prepare_data()
    if ranks.is_first():
        for line in data.notes:
            print(line)
    known = {"num_classes": data.num_classes, "labels": data.labels or None}
    found = ("image_size", "target_pixel_size", "field_size", "others")
    seen = {key: getattr(data, key, None) for key in found if key in settings.data}
    return settings.model_copy(update={**known, "data": {**settings.data, **seen}}), data


def net_arguments(settings: TrainSettings, data: "ImageDataModule") -> dict[str, Any]:
    """What a network is built with beside its own config."""
    from hpa_lit.files.rgby import colors

    shape = {"num_classes": settings.num_classes, "in_channels": len(colors(data.channels))}
    return shape | (data.normalisation if settings.targets == "labels" else {})


def try_parts(settings: TrainSettings, data: "ImageDataModule") -> None:
    """Build and try every part, before the run's folder is claimed for it.

    Raises:
        InputError: Something cannot be built, or breaks its contract.
    """
    from hpa_lit.nets import build_net, check_contract
    from hpa_lit.nets.build import OURS
    from hpa_lit.tasks.trial import try_loss, try_rates

    arguments = net_arguments(settings, data)
    net = build_net(settings.arch, trust=True, **arguments)
    if settings.arch["_target_"] not in OURS:
        side = data.crop_size or settings.data["image_size"]
        labels = settings.targets == "labels"
        check_contract(net, arguments["num_classes"], arguments["in_channels"], side, labels)
    try_loss(made("loss", settings.loss), arguments["num_classes"], settings.targets)
    try_rates(**rates(settings))
    try_task(settings)
    others(settings)


def try_task(settings: TrainSettings) -> None:
    """See whether a task of ours learns these targets, and logs what is monitored.

    Raises:
        InputError: It does not; says what it does.
    """
    import pytorch_lightning as pl

    task = made("task", {**settings.task, "_partial_": True}).func
    if not (isinstance(task, type) and issubclass(task, pl.LightningModule)):
        raise InputError(f"task: {task!r} is no LightningModule")
    if (learnt := getattr(task, "learns", settings.targets)) != settings.targets:
        raise InputError(f"targets={settings.targets}: {task.__name__} learns {learnt}; task=classify, or embed, fits")
    if settings.mixing is not None:
        if not getattr(task, "mixes", False):
            raise InputError(f"mixing: {task.__name__} mixes no images; leave it out, or choose task=classify")
        if settings.data.get("bag"):
            raise InputError(f"data.bag={settings.data['bag']}: mixing is of single images; leave out one of the two")
        mixing(settings)
    monitors: dict[str, Any] = {"monitor": settings.monitor}
    monitors |= {f"callbacks.{name}.monitor": node.get("monitor") for name, node in (settings.callbacks or {}).items()}
    for key, metric in monitors.items():
        if metric is not None and metric not in (logged := getattr(task, "logged", (metric,))):
            raise InputError(f"{key}={metric}: there is no such metric; {task.__name__} logs {', '.join(logged)}")


def others(settings: TrainSettings) -> tuple[list[Any], list[Any]]:
    """The callbacks and the loggers."""
    import pytorch_lightning as pl

    callbacks = [made(f"callbacks.{name}", node) for name, node in (settings.callbacks or {}).items()]
    loggers = [made(f"logger.{name}", node) for name, node in (settings.logger or {}).items()]
    for group, kind, parts in (("callbacks", pl.Callback, callbacks), ("logger", pl.loggers.Logger, loggers)):
        if wrong := [part for part in parts if not isinstance(part, kind)]:
            raise InputError(f"{group}: {wrong[0]!r} is no {kind.__name__} of Lightning")
    return callbacks, loggers


def fit(
    values: Mapping[str, Any], trainer_arguments: Mapping[str, Any], run: RunTree, data: "ImageDataModule"
) -> float | None:
    """Train as one of the processes of a run, or as its only one, by plain settings; gives the best score."""
    import pytorch_lightning as pl

    from hpa_lit.data.loading import workers_alive
    from hpa_lit.nets import build_net
    from hpa_lit.tasks import CheckpointFiles, EpochLines, FiniteLoss, FrozenBackbone, Interruption, newest_whole

    settings = TrainSettings.of_plain(values)
    for message in ANSWERED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    pl.seed_everything(settings.seed, workers=True, verbose=False)
    net = build_net(settings.arch, trust=True, **net_arguments(settings, data))
    task = made("task", {**settings.task, "_partial_": True})(
        net,
        made("loss", settings.loss),
        **rates(settings),
        channels_last=settings.channels_last,
        config=settings.plain(),
        **mixing(settings),
    )
    if settings.compile:
        net.compile()
    callbacks, loggers = others(settings)
    own_bar = any(isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks)
    bar = trainer_arguments.get("enable_progress_bar") is not False and not own_bar
    leaves = not trainer_arguments.get("fast_dev_run")  # something that can be gone on from
    trainer = pl.Trainer(
        **{**trainer_arguments, "enable_progress_bar": own_bar},
        max_epochs=settings.scheduler["epochs"],
        callbacks=[
            *callbacks,
            EpochLines(settings.monitor, settings.mode, bar),
            FiniteLoss(),
            FrozenBackbone(),
            Interruption(settings.trainer.save_on_term and leaves),
        ],
        plugins=[CheckpointFiles()],
        logger=loggers,
        use_distributed_sampler=False,
        enable_checkpointing=any(isinstance(callback, pl.callbacks.Checkpoint) for callback in callbacks),
        enable_model_summary=False,
        default_root_dir=run.folder,
    )
    resumed, broken = newest_whole(run) if leaves else (None, [])
    if trainer.is_global_zero:
        assert data.sides is not None
        weights = [(weight.numel(), weight.requires_grad) for weight in net.parameters()]
        parameters, trained = sum(size for size, _ in weights), sum(size for size, trains in weights if trains)
        frozen = f", {trained / 1e6:.1f} of them trained" if trained < parameters else ""
        print(f"{settings.arch['arch']}, {parameters / 1e6:.1f} million parameters{frozen}")
        print(f"{len(data.sides.train.ids)} images to train on, {len(data.sides.valid.ids)} to validate on")
        if resumed:
            print("; ".join([*broken, f"going on from {resumed}"]))
    with into(run.folder), workers_alive():  # where loggers write by themselves
        trainer.fit(task, data, ckpt_path=resumed)
    return conclude(settings, run, trainer)


def rates(settings: TrainSettings) -> dict[str, Any]:
    """The optimizer and what decides its rate, as `tasks.TrainingTask` takes them.

    Raises:
        InputError: The optimizer's own rate contradicts the schedule's, or is needed and not given.
    """
    schedule = made("scheduler", {key: value for key, value in settings.scheduler.items() if key != "epochs"})
    own_rate = settings.optimizer.get("lr")
    if isinstance(schedule, partial):
        if own_rate is None:
            raise InputError("this scheduler starts from the optimizer's rate: set optimizer.lr, such as 3e-4")
        kind = "scheduler"
    else:
        if own_rate is not None:
            own = f"rate={own_rate}" if "rate" in settings.scheduler else f"rates=[[1,{own_rate}]]"
            raise InputError(
                f"optimizer.lr={own_rate}: this scheduler gives the rates themselves; set scheduler.{own}, or "
                "choose one of PyTorch's, such as scheduler=cosine"
            )
        kind = "rate"
    return {"optimizer": made("optimizer", settings.optimizer), kind: schedule}


def mixing(settings: TrainSettings) -> dict[str, Any]:
    """What mixes training images, as `tasks.ClassifyTask` takes it; nothing for tasks of others that know of none."""
    return {} if settings.mixing is None else {"mixing": made("mixing", settings.mixing)}


def conclude(settings: TrainSettings, run: RunTree, trainer: Any) -> float | None:
    """Say and write how a finished training ended; gives the best score, or None where nothing was kept."""
    from hpa_lit.tasks import Checkpoints

    found = [callback for callback in trainer.callbacks if isinstance(callback, Checkpoints)]
    if not found or found[0].best_score is None:
        return None
    best = found[0]
    result = {
        "epochs": trainer.current_epoch,
        "best_epoch": best.best_epoch,
        "monitor": settings.monitor,
        "score": best.best_score,
    }
    if trainer.is_global_zero:
        with replacing(run.result) as temporary:
            temporary.write_text(json.dumps(result, indent=1) + "\n")
        print(f"best epoch {best.best_epoch}: {settings.monitor} {best.best_score:.4f}")
        print(f"checkpoints and logs are in {run.folder}")
    return best.best_score


if __name__ == "__main__":
    main()
