"""One prediction, from images to its file, on one process or on several."""

import hashlib
import json
import logging
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytorch_lightning as pl

from hpa_lit.data import ImageDataModule
from hpa_lit.data.loading import workers_alive
from hpa_lit.errors import InputError, check_whole, listing
from hpa_lit.files import prediction_file, rgby, tree
from hpa_lit.files.data_tree import ImageSet
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.writing import replacing
from hpa_lit.inference.model import Model
from hpa_lit.inference.planes import check_planes, filled_planes
from hpa_lit.inference.predictor import Answers, Predictor
from hpa_lit.inference.sizes import as_seen
from hpa_lit.progress import Progress

# Warnings of Lightning that a decision here answers, or that are about its own insides.
ANSWERED_WARNINGS = (
    ".*does not have many workers.*",  # `workers` says how many
    ".*length of `DataLoader`.* is zero.*",  # what is left to do after a kill may be nothing
    ".*LeafSpec.*",
)


# Settings that say how a job runs, not what it is about: arguments of `Job`.
RUNNING = ("batch_size", "channels_last", "save_every")


@dataclass(frozen=True)
class Job:
    """What to predict: plain values, which travel to other processes.

    Attributes:
        model: The network.
        dataset: Name of the images.
        images: They, set up to be predicted.
        output: The prediction file to write.
        views: Names as `views.view_names` gives them.
        features: Keep the vectors before the last layer of every view too.
        batch_size: Images that go through the network at a time, on each device.
        channels_last: The memory format that convolutions like best.
        save_every: Seconds between the parts that a killed job goes on from.
    """

    model: Model
    dataset: str
    images: ImageDataModule
    output: Path
    views: tuple[str, ...] = ("crop0/default",)
    features: bool = False
    batch_size: int = 8
    channels_last: bool = False
    save_every: float = 30.0

    def __post_init__(self) -> None:
        check_whole("batch_size", self.batch_size, 1)
        check_views(self.model, self.views)
        check_planes(self.files, self.model.channels, self.images.missing)

    def parts(self, precision: str) -> Path:
        """Folder of the parts, named by all that decides the values in them."""
        data = self.model.data
        made_from = [self.model.digest, data["image_size"], data["crop_size"], self.images.bits, self.model.labels]
        made_from += [self.dataset, _folders(self.files), self.views, self.features, precision, self.images.missing]
        made_from += sorted({str(rgby.layout_of(files)) for files in self.files.values()})
        return tree.parts(self.output, hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16])

    @property
    def files(self) -> Mapping[str, rgby.ImageFiles]:
        """The files of each image by Id; none for an image that is not there."""
        assert self.images.predicted is not None
        return self.images.predicted

    def stamps(self) -> dict[str, str]:
        """What tells the files of each image, as they are now, from others of their names; by Id."""
        return {image_id: rgby.stamp(files) for image_id, files in self.files.items()}


def check_views(model: Model, views: Sequence[str]) -> None:
    """Raise `InputError` where a network cannot look at images in these ways."""
    size, crop = model.data["image_size"], model.data["crop_size"]
    if crop is not None and crop > size:
        raise InputError(f"data.crop_size={crop} is larger than the images, {size}: set it lower")
    if crop is None and any(not view.startswith("crop0/") for view in views):
        raise InputError(f"{model.run} was trained on whole images, without crops: views=none or dihedral")


def folder_of(files: Mapping[str, rgby.ImageFiles]) -> str:
    """The folder that all files of images lie in, at whatever depth; empty where there are none."""
    folders = _folders(files)
    return os.path.commonpath(folders) if folders else ""


def _folders(files: Mapping[str, rgby.ImageFiles]) -> list[str]:
    return sorted({str(path.parent.absolute()) for planes in files.values() for path in planes.values()})


class PartWriter(pl.Callback):
    """Keeps answers until it is time to write a part: a prediction file of some of the images."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job, self.folder, self.written = job, folder, time.monotonic()
        self.kept: list[tuple[list[str], list[str], list[str], Answers]] = []

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep what a batch gave."""
        self.kept.append((batch["id"], batch["status"], batch["stamp"], outputs))
        if time.monotonic() - self.written >= self.job.save_every:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        self.written = time.monotonic()
        if self.kept:
            ids, status, stamps, answers = zip(*self.kept, strict=True)
            features = [answer.features for answer in answers if answer.features is not None]
            part = Predictions(
                ids=tuple(chain.from_iterable(ids)),
                status=tuple(chain.from_iterable(status)),
                views=self.job.views,
                labels=self.job.model.labels,
                probabilities=np.concatenate([answer.probabilities for answer in answers]),
                run=self.job.model.run,
                fold=self.job.model.fold,
                dataset=self.job.dataset,
                checkpoint=str(self.job.model.checkpoint),
                folder=folder_of(self.job.files),
                features=np.concatenate(features) if features else None,
            )
            path = self.folder / f"{uuid.uuid4().hex}.parquet"
            prediction_file.write(path, part)
            with replacing(path.with_suffix(".json")) as temporary:  # the second file: a part that has it is whole
                temporary.write_text(json.dumps(dict(zip(part.ids, chain.from_iterable(stamps), strict=True))))
            self.kept.clear()


def parts(folder: Path, stamps: Mapping[str, str]) -> Iterator[Predictions]:
    """What this process and earlier, killed ones have predicted, of images whose files are still those that were read.

    Args:
        folder: Of the parts.
        stamps: Of the files as they are now, by Id.
    """
    for path in sorted(folder.glob("*.json")):
        read, part = json.loads(path.read_text()), prediction_file.read(path.with_suffix(".parquet"))
        yield part.take([row for row, image_id in enumerate(part.ids) if read[image_id] == stamps.get(image_id)])


class PredictionProgress(pl.Callback):
    """Says how far a prediction has come, by what the first rank has done."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.shown: Progress | None = None

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin."""
        loader: Any = trainer.predict_dataloaders
        images = len(loader.dataset) * trainer.world_size
        self.shown = Progress(self.what, images, silent=not trainer.is_global_zero)

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Count a batch of every rank."""
        assert self.shown is not None
        self.shown.update(len(batch["id"]) * trainer.world_size)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End."""
        if self.shown is not None:
            self.shown.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """End, so that what is said next has a line of its own."""
        self.on_predict_end(trainer, pl_module)


def predict(job: Job, trainer_arguments: Mapping[str, Any]) -> None:
    """Predict what no earlier, killed process has predicted, and write the prediction file.

    Each rank takes every n-th batch in the order of Ids and writes parts; the first joins them. Which images share a
    batch depends on the batch size alone, and so do the answers to the last bit, however many ranks there are; but for
    what a CPU's number of threads does to sums.

    Args:
        job: What to predict.
        trainer_arguments: Of Lightning's Trainer; `devices` and `num_nodes` as numbers or lists.
    """
    for message in ANSWERED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    folder = job.parts(str(trainer_arguments["precision"]))
    writer = PartWriter(job, folder)
    trainer = pl.Trainer(
        **{**trainer_arguments, "enable_progress_bar": False},
        callbacks=[writer, PredictionProgress("predict" if job.model.labels else "embed")],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    data, ids, begun = job.model.data, sorted(job.files), job.stamps()
    done = {image_id for part in parts(folder, begun) for image_id in set(part.ids) - part.failures.keys()}
    batches = [range(len(ids))[start : start + job.batch_size] for start in range(0, len(ids), job.batch_size)]
    batches = batches[trainer.global_rank :: trainer.world_size]
    # Whole batches even where some of their images are done: in other company, last digits would differ.
    rows = [row for batch in batches if not done.issuperset(ids[row] for row in batch) for row in batch]
    if done and trainer.is_global_zero:
        print(f"going on: {len(done)} of {len(ids)} images are predicted already")
    if trainer.is_global_zero:
        for line in statements(job):
            print(line)
    net = job.model.load()
    predictor = Predictor(net, job.views, data["crop_size"], job.batch_size, job.features, job.channels_last)
    loader = job.images.predict_loader(rows, job.batch_size, trainer.strategy.root_device.type == "cuda")
    with workers_alive():
        trainer.predict(predictor, loader, return_predictions=False)
    writer.flush()
    trainer.strategy.barrier()
    if trainer.is_global_zero:
        now = job.stamps()
        if changed := [image_id for image_id in ids if now[image_id] != begun[image_id]]:
            raise InputError(
                f"the files of {len(changed)} of {len(ids)} images were changed or removed while they were predicted: "
                f"bring back what is gone and start again, which predicts these anew:\n{listing(changed)}"
            )
        prediction_file.write(job.output, prediction_file.join(parts(folder, now), ids))
        shutil.rmtree(folder)


def statements(job: Job) -> list[str]:
    """What to say about images that are not as those of the training."""
    filled = filled_planes(job.files, job.model.channels) if job.images.missing == "zero" else []
    said = [*filter(None, [job.model.remark]), *job.images.notes, *filled]
    if job.dataset in (*get_args(ImageSet), "valid"):  # at the size of the training
        return said
    return [*said, *as_seen(job.files.values(), job.model.data["image_size"])]
