"""A trained model in a Python program: ``model = hpa_lit.load_model("outputs/train/x/fold0")``."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
import pandas as pd
import torch
from torch import nn

from hpa_lit.data.loading import loader
from hpa_lit.errors import InputError, check_whole, listing, meant
from hpa_lit.files.prediction_file import Floats, Predictions
from hpa_lit.files.tree import OutputTree
from hpa_lit.inference.answering import Answered, answered
from hpa_lit.inference.finding import find_model
from hpa_lit.inference.formats import as_anndata
from hpa_lit.inference.given import Given, Images, Reading, take
from hpa_lit.inference.job import check_views
from hpa_lit.inference.model import Epoch, Model
from hpa_lit.inference.predictor import Answers, Predictor
from hpa_lit.inference.published import published_models
from hpa_lit.inference.views import named_views
from hpa_lit.results.decision import Decision

if TYPE_CHECKING:
    from anndata import AnnData

    from hpa_lit.inference.activation import Activation

Views = Literal["none", "dihedral", "crops", "full"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about N images, in the order in which they were given; those of a folder in that of Ids.

    Attributes:
        predictions: In the order of Ids, as a prediction file holds them: why images failed, and probabilities as the
            network gives them, view by view.
        answered: What is answered from these, in the same order.
        rows: Where in these each image is.
        thresholds_known: Whether the model knows its thresholds, or one was given.
        notes: What is to be said of the model, and of how the images were taken, a line each.
    """

    predictions: Predictions
    answered: Answered
    rows: list[int]
    thresholds_known: bool
    notes: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        """N Ids: of files their names, of an array's images their numbers, from 0."""
        return [self.predictions.ids[row] for row in self.rows]

    @property
    def labels(self) -> tuple[str, ...]:
        """K label names."""
        return self.predictions.labels

    @property
    def probabilities(self) -> Floats:
        """Shape (N, K), 0..1: calibrated where the model knows how; NaN where an image failed."""
        return self.answered.probabilities[self.rows]

    @property
    def answers(self) -> list[list[str]] | None:
        """The labels given to each image, the most probable first; None where no thresholds are known."""
        words = self.answered.in_words()
        return [words[row] for row in self.rows] if self.thresholds_known else None

    @property
    def features(self) -> Floats:
        """The vectors before the last layer, of the whole image, shape (N, D); NaN where an image failed."""
        assert self.predictions.features is not None
        return self.predictions.features[self.rows, 0]

    @property
    def failures(self) -> dict[str, str]:
        """Why each failed image failed, by Id."""
        return self.predictions.failures

    def to_frame(self) -> pd.DataFrame:
        """A row for each Id: locations in words where thresholds are known, status, a probability for each label."""
        index, status = pd.Index(self.ids, name="Id"), [self.predictions.status[row] for row in self.rows]
        words = {} if self.answers is None else {"locations": [", ".join(given) for given in self.answers]}
        table = pd.DataFrame({**words, "status": status}, index)
        return table.join(pd.DataFrame(self.probabilities, index, list(self.labels)))

    def to_anndata(self) -> "AnnData":
        """The features as scanpy takes them, see `inference.formats.as_anndata`."""
        return as_anndata(self.predictions, self.answered)


class LoadedModel:
    """A trained network in memory, and what is known of it; `load_model` makes it.

    Args:
        model: Which network.
        device: Where it runs.

    Attributes:
        model: Where it is from, and how it saw images.
        net: From images (N, C, S, S) uint8 to scores (N, K), in evaluation mode.
        device: Where it runs.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self.model, self.device = model, device
        self.net: nn.Module = model.load().eval().to(device)

    @property
    def labels(self) -> tuple[str, ...]:
        """The K label names; none of an embedder."""
        return self.model.labels

    @property
    def decision(self) -> Decision | None:
        """How its probabilities become answers, what that was fitted to, what to expect; None where it is not known."""
        return self.model.decision

    def predict(
        self,
        images: Images,
        *,
        views: Views = "none",
        threshold: float | None = None,
        batch_size: int = 8,
        workers: int = 0,
        **reading: Unpack[Reading],
    ) -> Prediction:
        """Probabilities, answers and features of images, as ``hpa-lit predict`` gives them.

        Args:
            images: An array (N, C, H, W) or (C, H, W) of planes red, green, blue, yellow, uint8 or uint16; a folder; a
                file of all planes; or files, those of a plane named ``<Id>_<color>``.
            views: In how many ways to look at each: none 1, dihedral 8, crops 4, full 32. Crops depend on the Id.
            threshold: The probability above which a label is given; None takes the model's own.
            batch_size: Images that go through the network at a time.
            workers: Processes that load files.
            reading: How files are read, as the settings of ``hpa-lit predict`` of these names: bits, missing, naming,
                planes, z, pixel_size; an array takes bits alone.

        Raises:
            InputError: The model is an embedder, the images are none of these, or none can be read. Where some cannot,
                a warning names them.
        """
        if not self.labels:
            raise InputError(f"{self.model.checkpoint} holds an embedder, which has no labels: use embed")
        if threshold is not None and not 0 <= threshold <= 1:
            raise InputError(f"threshold={threshold}: give a number from 0 to 1")
        predictions, given = self._look(images, named_views(views), batch_size, workers, reading)
        known = threshold is not None or self.decision is not None
        answers = answered(predictions, self.decision, threshold)
        notes = tuple(filter(None, [self.model.remark, *given.notes]))
        return Prediction(predictions, answers, given.rows, known, notes)

    def embed(self, images: Images, *, batch_size: int = 8, workers: int = 0, **reading: Unpack[Reading]) -> Floats:
        """The vectors before the last layer, shape (N, D), in the order of `predict`; NaN where an image failed.

        Args:
            images: As for `predict`; likewise the rest.
            batch_size: Images that go through the network at a time.
            workers: Processes that load files.
            reading: How files are read.

        Raises:
            InputError: As of `predict`.
        """
        predictions, given = self._look(images, named_views("none"), batch_size, workers, reading)
        assert predictions.features is not None
        return predictions.features[given.rows, 0]

    def explain(self, image: Images, label: str | int, **reading: Unpack[Reading]) -> "Activation":
        """Where in an image the network sees a label: its class activation map (Grad-CAM).

        Args:
            image: An array (C, H, W), or a file of all planes, or the files of its planes.
            label: A label's name, or its place in `labels`.
            reading: How files are read.

        Returns:
            image (S, S, C) uint8, as the network sees it, and map (S, S) float32, 0..1, all 0 where nothing speaks for
            the label.

        Raises:
            InputError: It is not one image, it cannot be read, or the model has no such label.
        """
        from hpa_lit.inference.activation import activation  # here because captum takes seconds

        place = self._place(label)
        given = take(image, self.model, reading)
        if len(given.ids) != 1:
            raise InputError(f"these are {len(given.ids)} images: explain one at a time")
        batch = given.images.__getitems__([0])
        if batch["status"] != ["ok"]:
            raise InputError(f"{given.ids[0]}: {batch['status'][0]}")
        return activation(self.model, self.net, list(batch["image"][0].numpy()), place)

    def _place(self, label: str | int) -> int:
        """The place of a label in the list."""
        if isinstance(label, str) and label in self.labels:
            return self.labels.index(label)
        if isinstance(label, int) and 0 <= label < len(self.labels):
            return label
        names = ", ".join(self.labels) or "no labels, it is an embedder"
        hint = meant(label, self.labels) if isinstance(label, str) else ""
        raise InputError(f"there is no label {label!r}{hint or f'; the model has {names}'}")

    def _look(
        self, images: Images, views: tuple[str, ...], batch_size: int, workers: int, reading: Reading
    ) -> tuple[Predictions, Given]:
        """What the network says about images, and these as it took them."""
        check_whole("batch_size", batch_size, 1)
        check_whole("workers", workers, 0)
        check_views(self.model, views)
        given = take(images, self.model, reading)
        crop = self.model.data["crop_size"]
        predictor = Predictor(self.net, views, crop, batch_size, features=True, channels_last=True)
        predictor.to(self.device).eval()
        found: list[Answers] = []
        status: list[str] = []
        with torch.inference_mode():
            for batch in loader(given.images, batch_size, workers):
                status += batch["status"]
                batch["image"] = batch["image"].to(self.device)
                found.append(predictor.predict_step(batch, 0))
        predictions = Predictions(
            ids=tuple(given.images.ids),
            status=tuple(status),
            views=views,
            labels=self.labels,
            probabilities=np.concatenate([answers.probabilities for answers in found]),
            run=self.model.run,
            fold=self.model.fold,
            dataset="given",
            checkpoint=str(self.model.checkpoint),
            features=np.concatenate([answers.features for answers in found if answers.features is not None]),
        )
        if failures := [f"{i}: {reason.removeprefix(f'{i}: ')}" for i, reason in predictions.failures.items()]:
            named = f"{len(failures)} of {len(status)} images could not be read, their rows are NaN:"
            warnings.warn(f"{named}\n{listing(failures)}", stacklevel=3)
        return predictions, given


def load_model(
    source: Path | str,
    *,
    epoch: Epoch = "best",
    device: str = "auto",
    arch: str | None = None,
    data: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> LoadedModel:
    """Load a trained model.

    Args:
        source: The folder of a training run, a bundle, a checkpoint: a run's, or one of the reference's; or the name of
            a published model, which ``hpa-lit models`` lists, and which is fetched where it is not here yet.
        epoch: Of a run: "best", "last", or the number of an epoch, counted from 1.
        device: Where it runs: "cpu", "cuda", "cuda:1", "mps"; auto takes a GPU where there is one.
        arch: Of a checkpoint of the reference, which does not say its network: a name such as "densenet121_large".
        data: Likewise how it saw images: image_size, crop_size, and label_list where the labels are not the 28
            locations.
        trust: Whether to run the code of a network that is not ours.

    Raises:
        InputError: There is no such model, or it does not say all by itself.
    """
    name = str(source) if str(source) in published_models() and not Path(source).exists() else None
    run, checkpoint = (source, None) if Path(source).is_dir() else (None, source if name is None else None)
    network = None if arch is None else {"arch": arch}
    seen = None if data is None else {"image_size": None, "crop_size": None, "bits": "auto", **data}
    model, _ = find_model(OutputTree(Path()), run, epoch, checkpoint, network, seen, trust=trust, model=name)
    return LoadedModel(model, _device(device))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch's own of devices that are not there
        raise InputError(f"device={name} cannot be used: {str(error).splitlines()[0]}") from error
    return device
