"""Where results lie: the one place that names the files of a run, of an answer, and what is beside them meanwhile."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote


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
class MadeFolder:
    """A folder that says what it was made with, see `cli.claim`."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config that made the folder, in YAML."""
        return self.folder / "config.yaml"


@dataclass(frozen=True)
class RunTree(MadeFolder):
    """The folder of one training run."""

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

    def cells(self, dataset: str, epoch: str) -> Path:
        """The folder of the cells of a dataset, where no other place is asked for; see `cell_tree`."""
        return self.folder / "cells" / f"{dataset}_{epoch}"


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
class AnswerTree(MadeFolder):
    """The folder of one submission, or of one search for neighbours."""

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
class PipelineTree(MadeFolder):
    """The folder of a pipeline: what belongs to no single run."""

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
class ReportTree(MadeFolder):
    """The folder of one report."""

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
class ComparisonTree(MadeFolder):
    """The folder of one comparison of runs."""

    @property
    def logs(self) -> Path:
        """Folder of what each prediction printed."""
        return self.folder / "logs"

    def predictions(self, run: str, side: Literal["valid", "test"]) -> Path:
        """What a run, by its folder, says of the images that it was validated on, or of those set apart."""
        return self.folder / "predictions" / side / f"{quote(run.strip('/'), safe='')}.parquet"

    def table(self, name: str) -> Path:
        """The numbers behind a part of the page, a CSV."""
        return self.folder / f"{name}.csv"

    @property
    def page(self) -> Path:
        """The comparison to look at, one HTML file."""
        return self.folder / "compare.html"
