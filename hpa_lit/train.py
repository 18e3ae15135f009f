"""Train one model: ``python -m hpa_lit.train arch=densenet121_large data=i1536 fold=0``.

The same command started again goes on where it stopped.
"""

import logging
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from hpa_lit.cli import ranks
from hpa_lit.cli.claim import claim
from hpa_lit.cli.command import FOLDER, command, resolved
from hpa_lit.errors import InputError, check_whole
from hpa_lit.files.tree import DataTree, RunTree

if TYPE_CHECKING:
    from hpa_lit.data.dataset import Examples

# What a continued run may change: where it runs, not what it computes.
FREE_KEYS = (
    "paths",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "data.workers",
    "channels_last",
)

# Warnings of Lightning and torch that are about their own insides, or that a decision here answers.
ANSWERED_WARNINGS = (
    ".*sync_dist=True.*",  # metrics are computed from gathered data and equal on all ranks
    ".*does not have many workers.*",  # data.workers says how many
    ".*smaller than the logging interval.*",  # curves have a point an epoch
    ".*torch.distributed.nn.functional.all_gather is deprecated.*",
    ".*LeafSpec.*",
)


@command("train", FOLDER)
def main(config: DictConfig) -> None:
    """Check the config and every image, then train here, or in a process a device."""
    settings = resolved(config)
    settings["trainer"] = trainer = ranks.trainer_arguments(settings["trainer"])
    processes = ranks.count(trainer) * trainer["num_nodes"]
    check_whole("batch_size", settings["batch_size"], 1)
    if settings["batch_size"] % processes:
        raise InputError(
            f"batch_size={settings['batch_size']} counts the images on all devices together and cannot be shared among "
            f"{processes}: set it to a multiple"
        )
    train, valid = load_examples(settings)
    run = RunTree(Path(HydraConfig.get().runtime.output_dir).absolute())
    if ranks.is_first():
        claim(run.config, settings, "tag=NAME", FREE_KEYS)
    ranks.run("hpa_lit.train:fit", trainer, settings, run, train, valid)


def load_examples(settings: dict[str, Any]) -> tuple["Examples", "Examples"]:
    """The images to train and to validate on, each looked at; what they decide is added to the settings."""
    from hpa_lit.data.check import image_sizes
    from hpa_lit.data.label_table import read_label_table
    from hpa_lit.data.sources import antibody_examples, fold_examples, folder_examples
    from hpa_lit.labels import LABEL_NAMES
    from hpa_lit.stages.folds import split

    data, fold = settings["data"], settings["fold"]
    tree = DataTree(Path(settings["paths"]["root"]).absolute())
    if settings["targets"] == "antibodies":
        if data["name"] == "folder":
            raise InputError("task=embed learns the antibodies of the atlas: set data to i512, i768 or i1536")
        train, valid, settings["num_classes"] = antibody_examples(tree, data["image_size"])
    else:
        if data["name"] == "folder":
            table = read_label_table(Path(data["labels"]), data["label_list"])
            check_whole("fold", fold, 0)
            check_whole("data.folds", data["folds"], 2)
            if fold >= data["folds"]:
                raise InputError(f"fold={fold}: data.folds={data['folds']} makes folds 0 to {data['folds'] - 1}")
            sides = split(table.labels, data["folds"])[fold]
            train, valid = folder_examples(Path(data["images"]), table, sides, data["channels"])
            settings["labels"] = table.names
        else:
            train, valid = fold_examples(tree, data["image_size"], settings["split"], fold)
            settings["labels"] = list(LABEL_NAMES)
        settings["num_classes"] = len(settings["labels"])
    if len(train.ids) < settings["batch_size"]:
        raise InputError(
            f"{len(train.ids)} training images do not fill a batch of {settings['batch_size']}: "
            f"set batch_size={len(train.ids)} or lower"
        )
    sizes = image_sizes([*train.ids, *valid.ids], [*train.files, *valid.files], data["channels"])
    if data["image_size"] is None:
        data["image_size"] = min(sizes.most_common(1)[0][0])
    if data["crop_size"] is not None and data["crop_size"] > data["image_size"]:
        raise InputError(
            f"data.crop_size={data['crop_size']} is larger than the images, {data['image_size']}: set it lower"
        )
    return train, valid


def fit(settings: dict[str, Any], run: RunTree, train: "Examples", valid: "Examples") -> None:
    """Train as one of the processes of a run, or as its only one."""
    import pytorch_lightning as pl
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    from hpa_lit.data.module import ImageData
    from hpa_lit.data.transforms import TrainTransform, ValidTransform
    from hpa_lit.files.rgby import colors
    from hpa_lit.schedules import learning_rate
    from hpa_lit.tasks import Checkpoints

    for message in ANSWERED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    data = settings["data"]
    pl.seed_everything(settings["seed"], workers=True, verbose=False)
    planes, labels = len(colors(data["channels"])), settings["targets"] == "labels"
    normalisation = {name: data[name][:planes] for name in ("mean", "std")} if labels else {}
    net = instantiate(settings["arch"], num_classes=settings["num_classes"], in_channels=planes, **normalisation)
    task = get_class(settings["task"]["_target_"])(
        net,
        instantiate(settings["loss"]),
        partial(learning_rate, settings["scheduler"]["name"]),
        channels_last=settings["channels_last"],
    )
    if settings["compile"]:
        net.compile()
    images = ImageData(
        train,
        valid,
        TrainTransform(data["image_size"], data["crop_size"]),
        ValidTransform(data["image_size"], data["crop_size"]),
        settings["batch_size"],
        data["workers"],
        data["bits"],
        settings["seed"],
        data["channels"],
    )
    checkpoints = Checkpoints(run, settings, settings["monitor"], settings["mode"], settings["keep_epochs"])
    trainer = pl.Trainer(
        **settings["trainer"],
        max_epochs=settings["scheduler"]["epochs"],
        callbacks=[checkpoints],
        logger=[CSVLogger(run.folder, name="csv"), TensorBoardLogger(run.folder, name="tensorboard")],
        use_distributed_sampler=False,
        enable_model_summary=False,
        default_root_dir=run.folder,
    )
    last = run.checkpoint("last")
    if trainer.is_global_zero:
        parameters = sum(parameter.numel() for parameter in net.parameters())
        print(f"{settings['arch']['arch']}, {parameters / 1e6:.1f} million parameters")
        print(f"{len(train.ids)} images to train on, {len(valid.ids)} to validate on")
        if last.is_file():
            print(f"going on from {last}")
    trainer.fit(task, images, ckpt_path=last if last.is_file() else None)
    if trainer.is_global_zero:
        print(f"best epoch {checkpoints.best_epoch}: {settings['monitor']} {checkpoints.best_score:.4f}")
        print(f"checkpoints and logs are in {run.folder}")


if __name__ == "__main__":
    main()
