"""What the data modules share: from examples to loaders that divide a global batch among the ranks."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import joblib
import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from hpa_lit.data.balance import epoch_rows, repeat_factors
from hpa_lit.data.check import read_headers
from hpa_lit.data.dataset import Examples, ImageDataset, LabelledBatch
from hpa_lit.data.label_table import LabelTable
from hpa_lit.data.loading import EpochSampler, loader
from hpa_lit.data.record import SIDES, read_record, recall
from hpa_lit.data.transforms import TrainTransform, ValidTransform
from hpa_lit.data.whole_images import ImageBatch, WholeImages
from hpa_lit.errors import InputError, check_whole
from hpa_lit.files import rgby

Files = Mapping[str, rgby.ImageFiles]
Fold = tuple[list[str], list[str]]  # Ids to train on and to validate on


class Sides(NamedTuple):
    """Images to train on, to validate on, and to test on where some are set apart."""

    train: Examples
    valid: Examples
    test: Examples | None = None


class Shared(TypedDict, total=False):
    """Arguments that all data modules take, see `ImageDataModule`."""

    augment: Mapping[str, Any] | Sequence[Any] | None
    repeat_threshold: float | None
    channels: rgby.Channels
    mean: Sequence[float] | None
    std: Sequence[float] | None
    bits: rgby.BitDepth
    missing: rgby.Missing
    workers: int | None
    seed: int
    dataset: str | None
    record: Path | str | None


class ImageDataModule(pl.LightningDataModule):
    """Images with a target each; a subclass says which by `read`.

    From it come `files`, `folds`, `label_table` and `images`, which a subclass that knows more than its two sides
    overrides: other folds, images without labels.

    Training batches are shuffled, augmented, and the last short one is dropped. Validation goes through every image;
    where the ranks' shares would differ, some images come twice, and the task drops them by their row number.
    `prepare_data` looks at every image once and names those that cannot be used.

    Args:
        image_size: Side that every image is brought to; None takes that of most images.
        crop_size: Side of what a network sees; None shows it the whole image.
        batch_size: Images in a batch over all ranks, a multiple of their number.
        augment: Steps of the training transform, in order or by name: ours, or albumentations'; None takes the
            reference's, a random square crop and a dihedral view (method 6).
        repeat_threshold: Share of the training images below which a label is rare: its images then come more often, and
            others less, an epoch being as long as without (method 6). None takes each once.
        channels: The planes that a network sees.
        mean: Of pixel / 255, red green blue yellow, for the network's normalisation; None leaves it to the network.
        std: Likewise.
        bits: Bit depth of planes stored in 16 bits.
        missing: In prediction, whether planes that are not there are an error, or zeros.
        workers: Loading processes a rank; None takes the cores that this process may use.
        seed: Of the order and the augmentation.
        dataset: What the predict loader gives, see `files`; None takes the first that there is.
        record: Table Id,side,Target of the sides that a run began with; where it lies, they are taken from it.

    Attributes:
        num_classes: Labels, or an embedder's classes; known after `setup`.
        labels: Label names; none for an embedder; known after `setup`.
        predicted: The files of each image to predict, by Id; known after `setup("predict")`.
        notes: What to say of how files were taken, a line each.
        pooled: What a frozen backbone made of the images of a side, row by row: its loader gives this in their place.
    """

    targets: Literal["labels", "antibodies"] = "labels"

    def __init__(
        self,
        image_size: int | None,
        crop_size: int | None,
        batch_size: int,
        *,
        augment: Mapping[str, Any] | Sequence[Any] | None = None,
        repeat_threshold: float | None = None,
        channels: rgby.Channels = "rgby",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        bits: rgby.BitDepth = "auto",
        missing: rgby.Missing = "error",
        workers: int | None = None,
        seed: int = 0,
        dataset: str | None = None,
        record: Path | str | None = None,
    ) -> None:
        super().__init__()
        check_whole("batch_size", batch_size, 1)
        check_whole("workers", workers or 0, 0)
        if repeat_threshold is not None and not 0 < repeat_threshold <= 1:
            raise InputError(f"data.repeat_threshold={repeat_threshold}: give a number above 0 and up to 1, or null")
        planes = len(rgby.colors(channels))
        self.image_size, self.crop_size, self.batch_size = image_size, crop_size, batch_size
        self.augment, self.channels, self.bits, self.missing = augment, channels, bits, missing
        self.repeat_threshold = repeat_threshold
        self.normalisation = {
            name: list(values)[:planes] for name, values in (("mean", mean), ("std", std)) if values is not None
        }
        self.workers = joblib.cpu_count() if workers is None else workers
        self.seed, self.dataset, self.record = seed, dataset, record
        self.sides: Sides | None = None
        self.headers: list[rgby.Header] | None = None
        self.predicted: Files | None = None
        self.num_classes: int | None = None
        self.labels: list[str] = []
        self.notes: list[str] = []
        self.pooled: dict[str, Tensor] = {}

    def read(self) -> Sides:
        """The images to train on and to validate on; also sets `num_classes` and `labels`."""
        raise NotImplementedError

    def files(self, dataset: str | None = None) -> Files:
        """The files of each image of a dataset, by Id; none for an image that is not there.

        Args:
            dataset: train, valid or test: a side, of the record where there is one. None means all images.

        Raises:
            InputError: There is no such dataset.
        """
        if dataset is None:
            return self.images()
        if self.record is not None and Path(self.record).is_file():
            sides = {name: table["Id"].tolist() for name, table in read_record(Path(self.record)).items()}
        else:
            examples = zip(SIDES, self.read(), strict=True)
            sides = {name: list(side.ids) for name, side in examples if side is not None}
        if dataset not in sides:
            raise InputError(f"dataset={dataset}: there are {', '.join(sides)}")
        return by_id(sides[dataset], self.images())

    def folds(self) -> list[Fold]:
        """Both sides of every fold that can be trained on."""
        sides = self.read()
        return [(list(sides.train.ids), list(sides.valid.ids))]

    def label_table(self) -> LabelTable | None:
        """The labels of all images that have some; None where there are no labels."""
        sides = [side for side in self.read() if side is not None]
        ids = [image_id for side in sides for image_id in side.ids]
        labels = np.concatenate([side.targets for side in sides if side.targets is not None])
        return LabelTable(ids, labels.astype(np.uint8), self.labels) if self.labels else None

    def images(self) -> Files:
        """The files of all images that can be trained on, by Id."""
        sides = [side for side in self.read() if side is not None]
        return {image_id: files for side in sides for image_id, files in zip(side.ids, side.files, strict=True)}

    def prepare_data(self) -> None:
        """Look at every image; in a training, whose other ranks then begin.

        Raises:
            InputError: Names every image that cannot be used.
        """
        if self.trainer is None or self.trainer.state.fn != TrainerFn.PREDICTING:
            self.setup("fit")
            self._look()

    def setup(self, stage: str) -> None:
        """Read the tables, once.

        Raises:
            InputError: Tables or images are missing or contradict one another, or a size does not fit.
        """
        if stage == "predict":
            if self.predicted is None:
                self.predicted = self.files(self.dataset)
            return
        if self.sides is not None:
            return
        if self.repeat_threshold is not None and self.targets != "labels":
            raise InputError(
                f"data.repeat_threshold={self.repeat_threshold} is about rare labels, and antibodies are no labels: "
                "set it to null"
            )
        sides = self.read()
        if self.record is not None and Path(self.record).is_file():
            sides = Sides(*recall(Path(self.record), [side for side in sides if side is not None]))
        self.sides = sides
        if len(sides.train.ids) < self.batch_size:
            raise InputError(
                f"{len(sides.train.ids)} training images do not fill a batch of {self.batch_size}: "
                f"set batch_size={len(sides.train.ids)} or lower"
            )
        if self.targets == "labels" and not np.any(sides.train.targets):
            raise InputError("no training image has a label: there is nothing to learn; see to the table's labels")
        if self.image_size is None:
            self.image_size = min(self.sizes.most_common(1)[0][0])
        if self.crop_size is not None and self.crop_size > self.image_size:
            raise InputError(
                f"data.crop_size={self.crop_size} is larger than the images, {self.image_size}: set it lower"
            )

    def train_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the shuffled training batches."""
        return self._loader(self._sides.train, self._train_transform, self.pooled.get("train"), train=True)

    def val_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the validation images, in order."""
        return self._loader(self._sides.valid, ValidTransform(self._side, self.crop_size), self.pooled.get("valid"))

    def unchanging_loaders(self) -> dict[str, DataLoader[LabelledBatch]]:
        """This rank's share of the sides that look alike in every epoch, in order: train only without augmentation."""
        transform = self._train_transform
        train = {} if transform.augment else {"train": self._loader(self._sides.train, transform)}
        return {"valid": self.val_dataloader(), **train}

    def test_dataloader(self) -> DataLoader[LabelledBatch]:
        """This rank's share of the test images, as validation sees them.

        Raises:
            InputError: No images are set apart for testing.
        """
        if self._sides.test is None:
            raise InputError("there are no test images: a label table sets some apart by `test` in a column split")
        return self._loader(self._sides.test, ValidTransform(self._side, self.crop_size))

    def predict_dataloader(self) -> DataLoader[ImageBatch]:
        """This rank's share of the images to predict, whole, each once."""
        images, (ranks, rank) = self._whole_images(), self._ranks
        # Of Lightning, which would divide the images again among the ranks where it finds a sampler of another kind.
        sampler = UnrepeatedDistributedSampler(images, ranks, rank, shuffle=False)
        return loader(images, self._share, self.workers, self._on_gpu, sampler=sampler)

    def predict_loader(self, rows: Sequence[int], batch_size: int, pin_memory: bool = False) -> DataLoader[ImageBatch]:
        """Images to predict, whole.

        Args:
            rows: Their places in the order of Ids.
            batch_size: Images in a batch.
            pin_memory: Load them into memory that a GPU copies from fast.
        """
        return loader(Subset(self._whole_images(), rows), batch_size, self.workers, pin_memory)

    @property
    def _sides(self) -> Sides:
        if self.sides is None:
            self.setup("fit")
        assert self.sides is not None
        return self.sides

    @property
    def _side(self) -> int:
        if self.image_size is None:
            raise InputError("set image_size: the side that images are brought to")
        return self.image_size

    @property
    def _ranks(self) -> tuple[int, int]:
        """How many ranks there are, and which this is."""
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)

    @property
    def _share(self) -> int:
        """Images in a batch on this rank."""
        ranks, _ = self._ranks
        if self.batch_size % ranks:
            raise InputError(
                f"batch_size={self.batch_size} counts the images on all devices together and cannot be shared among "
                f"{ranks}: set it to a multiple"
            )
        return self.batch_size // ranks

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """How many images there are of each (height, width)."""
        return Counter(header.size for header in self._look())

    def _look(self) -> list[rgby.Header]:
        """The headers of all images, side by side."""
        if self.headers is None:
            examples = [side for side in self._sides if side is not None]
            ids = [image_id for side in examples for image_id in side.ids]
            self.headers = read_headers(ids, [files for side in examples for files in side.files], self.channels)
            self.notes += rgby.said_of([header.taken for header in self.headers])
        return self.headers

    def _loader(
        self,
        examples: Examples,
        transform: TrainTransform | ValidTransform,
        pooled: Tensor | None = None,
        train: bool = False,
    ) -> DataLoader[LabelledBatch]:
        (ranks, rank), workers = self._ranks, self.workers if pooled is None else 0
        dataset = self._dataset(examples, transform, pooled, train)
        drawn = self._rows_of_epochs(examples) if train else None
        sampler = EpochSampler(dataset, ranks, rank, drawn=drawn, shuffle=train, seed=self.seed, drop_last=train)
        return loader(dataset, self._share, workers, self._on_gpu, sampler=sampler, drop_last=train)

    def _rows_of_epochs(self, examples: Examples) -> Callable[[int], npt.NDArray[np.int64]] | None:
        """From the epoch to the rows of its training images; None where each comes once."""
        if self.repeat_threshold is None:
            return None
        assert examples.targets is not None
        return partial(epoch_rows, repeat_factors(examples.targets, self.repeat_threshold), self.seed)

    def _dataset(
        self, examples: Examples, transform: TrainTransform | ValidTransform, pooled: Tensor | None, train: bool
    ) -> ImageDataset:
        """The images of a side, transformed; `train` says whether what may be random is."""
        return ImageDataset(examples, transform, self.bits, self.seed, self.channels, pooled)

    @property
    def _train_transform(self) -> TrainTransform:
        augment = {} if self.augment is None else {"augment": self.augment}
        return TrainTransform(self._side, self.crop_size, **augment)

    def _whole_images(self) -> WholeImages:
        assert self.predicted is not None, "setup('predict') comes before the loader"
        ids = sorted(self.predicted)
        files = [self.predicted[image_id] for image_id in ids]
        return WholeImages(ids, files, self._side, self.bits, self.channels, self.missing)

    @property
    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"


def by_id(ids: Iterable[str], files: Files) -> dict[str, rgby.ImageFiles]:
    """The files of these Ids, in the order of Ids; none for an image that is not there."""
    return {image_id: files.get(image_id, {}) for image_id in sorted(set(ids))}
