"""Where everything lies: the one place that names the files of a data folder and of a run."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

ImageSet = Literal["train", "test", "external"]
Side = Literal["train", "valid"]
Version = Literal["before", "after"]  # the antibody split before and after train twins replace external images


def parts(output: Path, made_from: str) -> Path:
    """Folder of the parts of an output that is being made; other inputs have other parts."""
    return output.with_name(f".{output.stem}.{made_from}.parts")


def before_export(out: Path) -> Path:
    """The prediction file that an output in another format is made of, beside it; the output where it is one."""
    return out if out.suffix == ".parquet" else out.with_name(f".{out.name}.parquet")


def folder_lock(folder: Path) -> Path:
    """Who is writing into a folder, in JSON; there as long as somebody is."""
    return folder / ".lock"


def file_lock(output: Path) -> Path:
    """Who is making a file, in JSON; there as long as somebody is."""
    return output.with_name(f".{output.name}.lock")


def being_fetched(path: Path) -> Path:
    """What has come so far of a file that is being fetched; with a note beside it, of the same name and ``.json``."""
    return path.with_name(f".part.{path.name}")


@dataclass(frozen=True)
class CacheTree:
    """The folder of what was fetched, for all runs and projects."""

    root: Path

    def weights(self, name: str) -> Path:
        """A file of weights."""
        return self.root / "weights" / name

    def checksum(self, name: str) -> Path:
        """What is held to of it, in JSON: its sha256, and where it was from."""
        return self.root / "weights" / f"{name}.json"


def cache() -> CacheTree:
    """The folder that HPA_LIT_CACHE names, else ``hpa_lit`` among the user's caches."""
    own, caches = os.environ.get("HPA_LIT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return CacheTree(Path(own) if own else Path(caches or Path.home() / ".cache") / "hpa_lit")


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


@dataclass(frozen=True)
class RunTree:
    """The folder of one training run."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config of the run, in YAML."""
        return self.folder / "config.yaml"

    @property
    def provenance(self) -> Path:
        """How the run was made, in JSON: wall_seconds, finished, starts with command, versions, hardware and hashes."""
        return self.folder / "run.json"

    @property
    def record(self) -> Path:
        """The images that the run began with: Id, side, Target."""
        return self.folder / "sides.csv"

    def checkpoint(self, epoch: int | Literal["best", "last"]) -> Path:
        """The checkpoint of an epoch, counted from 1, or the best or last one."""
        name = epoch if isinstance(epoch, str) else f"epoch_{epoch:03d}"
        return self.folder / "checkpoints" / f"{name}.ckpt"

    def numbered_checkpoints(self) -> list[Path]:
        """The checkpoints of single epochs that are there, oldest first."""
        return sorted((self.folder / "checkpoints").glob("epoch_*.ckpt"))

    def metrics(self) -> list[Path]:
        """The metrics of each start of the run, epoch by epoch, the first start first."""
        folders = (self.folder / "csv").glob("version_*")
        return [folder / "metrics.csv" for folder in sorted(folders, key=lambda f: int(f.name.split("_")[1]))]

    @property
    def result(self) -> Path:
        """What a finished training ended with, in JSON: epochs, best_epoch, monitor, score."""
        return self.folder / "result.json"

    def predictions(self, dataset: str, epoch: str, views: str) -> Path:
        """The prediction file of a dataset, where no other place is asked for."""
        return self.folder / "predictions" / f"{dataset}_{epoch}_{views}.parquet"

    def exported(self, form: str, epoch: str, precision: str, suffix: str) -> Path:
        """The model for other programs, where no other place is asked for."""
        name = f"{epoch}_{form}" if precision == "fp32" else f"{epoch}_{form}_{precision}"
        return self.folder / "exports" / f"{name}{suffix}"

    def features(self, dataset: str, epoch: str) -> Path:
        """The prediction file that holds the features of a dataset; beside it the same in other formats."""
        return self.folder / "features" / f"{dataset}_{epoch}.parquet"


@dataclass(frozen=True)
class OutputTree:
    """The folder of everything computed after preparation."""

    root: Path

    def combined(self, dataset: str) -> Path:
        """The prediction file of an ensemble, where no other place is asked for."""
        return self.root / "combine" / f"{dataset}.parquet"

    def neighbours(self, name: str) -> Path:
        """Folder of a search: of a set of the atlas, or of a folder of own images by its name."""
        return self.root / "neighbours" / name

    def pipeline(self, name: str) -> "PipelineTree":
        """The folder of a pipeline."""
        return PipelineTree(self.root / "pipeline" / name)

    @property
    def comparison(self) -> Path:
        """The folder of a comparison, where no other place is asked for."""
        return self.root / "compare"

    def report(self, predictions: Path) -> "ReportTree":
        """The report on a prediction file, where no other place is asked for."""
        return ReportTree(self.root / "report" / predictions.stem)

    def of_model(self, name: str) -> RunTree:
        """What stands for a run's folder where there is a published model."""
        return RunTree(self.root / "models" / name)

    def of_checkpoint(self, checkpoint: Path) -> RunTree:
        """What stands for a run's folder where there is a checkpoint alone."""
        return RunTree(self.root / "checkpoints" / f"{checkpoint.absolute().parent.name}_{checkpoint.stem}")


@dataclass(frozen=True)
class AnswerTree:
    """The folder of one submission, or of one search for neighbours."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config that made the folder, in YAML."""
        return self.folder / "config.yaml"

    @property
    def submission(self) -> Path:
        """Label strings: ``Id,Predicted``."""
        return self.folder / "submission.csv"

    def wide(self, suffix: Literal["csv", "parquet"]) -> Path:
        """The submission in words: Id, locations, a 0/1 column and a probability for each label."""
        return self.folder / f"locations.{suffix}"

    @property
    def thresholds(self) -> Path:
        """Thresholds of a submission by label, or what each threshold of a search would do."""
        return self.folder / "thresholds.csv"

    @property
    def scores(self) -> Path:
        """Scores against the truth, in JSON."""
        return self.folder / "scores.json"

    @property
    def neighbours(self) -> Path:
        """The nearest gallery images: Id, rank, score, neighbour and its columns; p_value, novel, false_alarms."""
        return self.folder / "neighbours.csv"

    @property
    def changes(self) -> Path:
        """Which labels grew and shrank by replacement: label, before, after, increase, decrease."""
        return self.folder / "changes.csv"

    @property
    def queries(self) -> Path:
        """The features of own images that were searched for."""
        return self.folder / "queries.parquet"

    @property
    def contact_sheet(self) -> Path:
        """Queries beside their neighbours, a PNG."""
        return self.folder / "contact_sheet.png"

    @property
    def results(self) -> list[Path]:
        """All files that may be there beside the config."""
        answer = [self.submission, self.wide("csv"), self.wide("parquet"), self.thresholds, self.scores]
        return [*answer, self.neighbours, self.changes, self.queries, self.contact_sheet]


@dataclass(frozen=True)
class PipelineTree:
    """The folder of a pipeline: what belongs to no single run."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config, in YAML."""
        return self.folder / "config.yaml"

    @property
    def logs(self) -> Path:
        """Folder of what each step printed."""
        return self.folder / "logs"

    def predictions(self, name: str) -> Path:
        """The prediction file of a recipe and fold."""
        return self.folder / "predictions" / f"{name.replace(' ', '_')}.parquet"

    def features(self, dataset: str) -> Path:
        """The feature file of a dataset."""
        return self.folder / "features" / f"{dataset}.parquet"

    def combined(self, name: str) -> Path:
        """The prediction file of an ensemble on the way."""
        return self.folder / "combine" / f"{name.replace(' ', '_')}.parquet"

    def answer(self, name: str) -> AnswerTree:
        """The folder of an answer on the way, or of the last one."""
        return AnswerTree(self.folder / "answers" / name.replace(" ", "_"))

    @property
    def report(self) -> "ReportTree":
        """The folder of the report."""
        return ReportTree(self.folder / "report")


@dataclass(frozen=True)
class ReportTree:
    """The folder of one report."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config that made the folder, in YAML."""
        return self.folder / "config.yaml"

    @property
    def page(self) -> Path:
        """The report itself, which needs no other file."""
        return self.folder / "report.html"

    def table(self, name: str) -> Path:
        """The numbers behind a part of the page, a CSV."""
        return self.folder / "tables" / f"{name}.csv"

    def picture(self, name: str) -> Path:
        """A picture of the page, or a contact sheet, a PNG."""
        return self.folder / "pictures" / f"{name}.png"


@dataclass(frozen=True)
class ComparisonTree:
    """The folder of one comparison of runs."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config that made the folder, in YAML."""
        return self.folder / "config.yaml"

    @property
    def logs(self) -> Path:
        """Folder of what each prediction printed."""
        return self.folder / "logs"

    def predictions(self, run: str) -> Path:
        """The prediction file of a run, by its folder."""
        return self.folder / "predictions" / f"{quote(run.strip('/'), safe='')}.parquet"

    def table(self, name: str) -> Path:
        """The numbers behind a part of the page, a CSV."""
        return self.folder / f"{name}.csv"

    @property
    def page(self) -> Path:
        """The comparison to look at, one HTML file."""
        return self.folder / "compare.html"
