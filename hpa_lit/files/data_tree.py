"""Where a data folder's files lie: raw downloads, images ready for training, tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ImageSet = Literal["train", "test", "external"]
Side = Literal["train", "valid"]
Version = Literal["before", "after"]  # the antibody split before and after train twins replace external images


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

    def antibody_split(self, version: Version, side: Side) -> Path:
        """Table of one side of the antibody split: Id, Target, External, antibody, antibody_code."""
        return self.root / "tables" / "antibody" / f"{version}_{side}.parquet"

    @property
    def quick_test(self) -> Path:
        """The first test images, for quick runs: Id, External."""
        return self.root / "tables" / "quick_test.parquet"

    def hashes(self, image_set: ImageSet) -> Path:
        """Perceptual hashes of a set: Id, uuid of the hashed file, red, green, blue."""
        return self.root / "tables" / "hashes" / f"{image_set}.parquet"

    @property
    def matches(self) -> Path:
        """Pairs of a train and an external image that show the same field: Train, Extra, SimR, SimG, SimB."""
        return self.root / "tables" / "train_external_matches.parquet"

    @property
    def test_matches(self) -> Path:
        """Pairs of test images that show the same field, in both orders: Test1, Test2, SimR, SimG, SimB."""
        return self.root / "tables" / "test_matches.parquet"

    def statistics(self, size: int) -> Path:
        """Channel statistics of the train and test images of a size: mean and std, in JSON."""
        return self.root / "tables" / f"statistics_{size}.json"

    @property
    def corrected(self) -> Path:
        """The external images with corrected labels: Id, Target, External, antibody, antibody_code."""
        return self.root / "tables" / "external_corrected.parquet"

    @property
    def leak(self) -> Path:
        """Test images with the labels of their external twins: Id, Target, External, antibody, antibody_code."""
        return self.root / "tables" / "test_leak.parquet"

    @property
    def verified(self) -> Path:
        """What the last stage found, a CSV what, found, remark; absent where something is wrong."""
        return self.root / "tables" / "verified.csv"

    def image_settings(self, image_set: ImageSet, size: int) -> Path:
        """How the images of a folder were made, in JSON."""
        return self.root / "tables" / "images" / f"{size}_{image_set}.json"

    def site_image(self, image_id: str, color: str) -> Path:
        """A plane of an external image as the website lays it out below ``site``: what a local server serves."""
        antibody, rest = image_id.split("_", 1)
        return self.site / "images" / antibody / f"{rest}_{color}.jpg"

    @property
    def site(self) -> Path:
        """Folder of a drawn atlas that a local server serves in place of the website."""
        return self.root / "site"

    @property
    def test_truth(self) -> Path:
        """The labels of a drawn atlas's test images: ``Id,Target``."""
        return self.root / "hidden" / "test_truth.csv"

    @property
    def planted(self) -> Path:
        """The pairs of images in a drawn atlas that show the same field: ``kind,query,gallery``."""
        return self.root / "hidden" / "planted.csv"

    def cell_masks(self, image_id: str) -> Path:
        """The cells of a drawn image, a label image as large as it was drawn."""
        return self.root / "hidden" / "cells" / f"{image_id}.tif"

    @property
    def cell_truth(self) -> Path:
        """What each cell of a drawn atlas shows: ``Id,cell,Target``."""
        return self.root / "hidden" / "cells.csv"

    @property
    def atlas_settings(self) -> Path:
        """What a drawn atlas was drawn with, in JSON."""
        return self.root / "hidden" / "atlas.json"

    @property
    def contact_sheet(self) -> Path:
        """Pictures of every label of a drawn atlas."""
        return self.root / "hidden" / "contact_sheet.png"

    def failures(self, stage: str) -> Path:
        """What a stage could not do, and why: name, reason. Absent when all went well."""
        return self.root / "failures" / f"{stage}.csv"
