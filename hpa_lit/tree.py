"""Where everything lies: the one place that names the files of a data folder and of a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ImageSet = Literal["train", "test", "external"]
Side = Literal["train", "valid"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; when the block ends well, the file is renamed into its place.

    A run that is killed leaves the old file or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class DataTree:
    """A data folder: raw downloads, images ready for training, tables."""

    root: Path

    @property
    def train_csv(self) -> Path:
        """The competition's labels: ``Id,Target``."""
        return self.root / "raw" / "train.csv"

    @property
    def sample_submission(self) -> Path:
        """The test Ids in the order of a submission: ``Id,Predicted``."""
        return self.root / "raw" / "sample_submission.csv"

    @property
    def external_csv(self) -> Path:
        """The external images and their labels: ``Id,Target``."""
        return self.root / "raw" / "HPAv18RBGY_wodpl.csv"

    @property
    def corrections_csv(self) -> Path:
        """Corrected labels of external images: ``Id,Target``."""
        return self.root / "raw" / "train_extra.csv"

    @property
    def leak_csv(self) -> Path:
        """Test images and their external twins: ``Extra,Test,...``."""
        return self.root / "raw" / "TestEtraMatchingUnder_259_R14_G12_B10.csv"

    def raw_images(self, image_set: ImageSet) -> Path:
        """Folder of the downloaded planes of a set."""
        return self.root / "raw" / image_set

    def images(self, image_set: ImageSet, size: int) -> Path:
        """Folder of the images of a set that are ready for training, ``<Id>.tif`` of `size` x `size`."""
        return self.root / "images" / str(size) / image_set

    def metadata(self, image_set: ImageSet) -> Path:
        """Table of a set: Id, Target, External, label columns; for external also antibody, antibody_code."""
        return self.root / "tables" / f"{image_set}.parquet"

    def fold(self, split: str, fold: int, side: Side) -> Path:
        """Table of one side of a fold: Id, Target, External."""
        return self.root / "tables" / "folds" / split / f"fold{fold}_{side}.parquet"
