"""From prepared data to a scored answer: which commands, with which settings, in which order."""

import glob
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from hpa_lit.cli.planned_run import FREE_KEYS, OF_IMAGES, PlannedRun
from hpa_lit.cli.settings import Epoch, Paths, Place, Settings, Several, ViewSettings
from hpa_lit.cli.steps import Step, setting
from hpa_lit.files.data_tree import DataTree, ImageSet
from hpa_lit.files.tree import AnswerTree, PipelineTree, RunTree

FREE = ("at_once",)  # what may differ where a pipeline is gone on with: how steps are run, not what they make
HALF = ("thresholds=fixed", "fixed=0.5", "always_top=true")


class PipelineSettings(Settings):
    """Of conf/pipeline.yaml, which says what each is."""

    paths: Paths
    views: ViewSettings
    recipes: Several[str]
    folds: tuple[NonNegativeInt, ...]
    embedder: str | None
    embedder_epoch: Epoch
    threshold: Literal["auto"] | Annotated[float, Field(ge=-1, le=1)]
    truth: Several[Path] | None
    name: Place | None
    train: str
    train_embedder: str
    predict: str
    embed: str
    submit: str
    neighbours: str
    report: str
    dry_run: bool
    at_once: PositiveInt


@dataclass(frozen=True)
class Plan:
    """What a pipeline runs, and what it answers.

    Attributes:
        steps: Each after those whose outputs it reads.
        answers: The answers by what each adds to the one before; the last is the best.
    """

    steps: tuple[Step, ...]
    answers: Mapping[str, AnswerTree]


def plan(settings: PipelineSettings, out: PipelineTree, planned_run: Callable[[Sequence[str]], PlannedRun]) -> Plan:
    """Plan the command pipeline; reads and writes no file.

    Where the truth is known there is an answer after every step, to see what each gains; else the last ones alone.

    Args:
        settings: Of the command, resolved.
        out: Where that goes which belongs to no single run.
        planned_run: The run that train makes of these words.
    """
    make, embedder = _Steps(settings, out), settings.embedder
    words = {
        f"{recipe} fold {fold}": make.words(f"experiment={recipe}", f"fold={fold}", *make.more("train"))
        for recipe in settings.recipes
        for fold in settings.folds
    }
    recipes = list(words)
    if embedder:
        words[embedder] = make.words(f"experiment={embedder}", *make.more("train_embedder"))
    planned = {name: planned_run(words[name]) for name in words}
    runs = {name: RunTree(run.folder) for name, run in planned.items()}
    steps = [make.train(name, words[name], run) for name, run in planned.items()]
    steps += (predicted := [make.predict(name, runs[name]) for name in recipes])

    ensemble = make.combine("ensemble", predicted, duplicates=DataTree(settings.paths.root).test_matches)
    submitted: list[tuple[str, Step, Sequence[str]]] = []
    if settings.truth:
        submitted = [
            ("one fold one view", make.combine("one fold one view", predicted[:1], "over_views=first"), HALF),
            ("one fold all views", make.combine("one fold all views", predicted[:1]), HALF),
            ("all folds", make.combine("all folds", predicted), HALF),
            ("duplicates", ensemble, HALF),
            ("thresholds", ensemble, ("always_top=true", *make.more("submit"))),
        ]
    submitted.append(("leak list", ensemble, ("postprocess=competition", *make.more("submit"))))
    for name, combined, how in submitted:
        if combined not in steps:
            steps.append(combined)
        steps.append(make.submit(name, combined, how))
    answers = {name: out.answer(name) for name, *_ in submitted}

    if embedder:
        sets: dict[str, ImageSet] = {"gallery": "external", "queries": "test"}
        if settings.threshold == "auto":
            sets["labelled"] = "train"
        features = {key: make.embed(dataset, runs[embedder]) for key, dataset in sets.items()}
        steps += [*features.values(), make.replace("neighbours", features, answers["leak list"])]
        answers["neighbours"] = out.answer("neighbours")
    steps.append(make.report(ensemble, list(runs.values()), answers))
    return Plan(tuple(steps), answers)


def summary(settings: PipelineSettings, out: PipelineTree, answers: Mapping[str, AnswerTree]) -> str:
    """The scores where the truth is known, and where the answer and the report are, once all steps are done."""
    lines = []
    if settings.truth:
        lines.append("macro F1 after each step:")
        for name, answer in answers.items():
            lines.append(f"  {name:20} {json.loads(answer.scores.read_text())['scores']['macro_f1']:.4f}")
    *_, last = answers.values()
    return "\n".join([*lines, f"answer: {last.submission}", f"report: {out.report.page}"])


@dataclass(frozen=True)
class _Steps:
    """Makes the step of each command."""

    settings: PipelineSettings
    out: PipelineTree

    def more(self, verb: str) -> list[str]:
        """The settings of a command that the pipeline's own settings add."""
        return shlex.split(getattr(self.settings, verb))

    def words(self, *words: str, **places: object) -> tuple[str, ...]:
        """The settings of a command, and last where it reads and writes, so that no other setting moves that."""
        places |= {f"paths.{name}": place for name, place in self.settings.paths}
        return (*words, *(setting(key, place) for key, place in places.items() if place is not None))

    @property
    def truth_tables(self) -> list[Path]:
        """The files that the setting truth names."""
        return list(self.settings.truth or ())

    def train(self, name: str, words: tuple[str, ...], planned: PlannedRun) -> Step:
        """Train a run; one that was made with other settings is not what is asked for, and train says so."""
        run, free = RunTree(planned.folder), (*FREE_KEYS, *OF_IMAGES)
        return Step(f"train {name}", "train", words, run.result, (), run.config, planned.settings, free)

    def predict(self, name: str, run: RunTree) -> Step:
        """Predict the test set in all views."""
        output = self.out.predictions(name)
        words = ("dataset=test", f"views={self.settings.views.name}", *self.more("predict"))
        words = self.words(*words, run=run.folder, out=output)
        return Step(f"predict {name}", "predict", words, output, (run.result,))

    def embed(self, dataset: ImageSet, run: RunTree) -> Step:
        """Features of a set."""
        output = self.out.features(dataset)
        words = (f"dataset={dataset}", f"epoch={self.settings.embedder_epoch}", *self.more("embed"))
        words = self.words(*words, run=run.folder, out=output)
        return Step(f"embed {dataset}", "embed", words, output, (run.result,))

    def combine(self, name: str, predicted: Sequence[Step], *words: str, duplicates: Path | None = None) -> Step:
        """One probability an image and label."""
        output, files = self.out.combined(name), [step.output for step in predicted]
        patterns = [glob.escape(str(file)) for file in files]  # combine reads names as patterns
        words = self.words(*words, predictions=patterns, duplicates=duplicates, output=output)
        return Step(f"combine {name}", "combine", words, output, (*files, *([duplicates] if duplicates else [])))

    def submit(self, name: str, combined: Step, how: Sequence[str]) -> Step:
        """Label strings, and scores where the truth is known."""
        answer, predictions = self.out.answer(name), combined.output
        words = self.words(*how, predictions=predictions, truth=self.settings.truth, output=answer.folder)
        return Step(f"submit {name}", "submit", words, answer.submission, (predictions, *self.truth_tables))

    def replace(self, name: str, features: Mapping[str, Step], before: AnswerTree) -> Step:
        """Answers of similar atlas images in place of those before."""
        answer = self.out.answer(name)
        files = {key: step.output for key, step in features.items()} | {"submission": before.submission}
        words = (setting("threshold", self.settings.threshold), *self.more("neighbours"))
        words = self.words(*words, **files, truth=self.settings.truth, output=answer.folder)
        inputs = (*files.values(), *self.truth_tables)
        return Step(f"replace by {name}", "neighbours", words, answer.submission, inputs)

    def report(self, combined: Step, runs: Sequence[RunTree], answers: Mapping[str, AnswerTree]) -> Step:
        """The page about the last answer, and how it got there where the truth is known."""
        (*_, last), truth = answers.values(), self.settings.truth
        words = self.words(
            *("dataset=test", *self.more("report")),
            predictions=combined.output,
            submission=last.folder,
            run=runs[0].folder,
            runs=[run.folder for run in runs],
            truth=truth,
            steps={name: answer.folder for name, answer in answers.items()} if truth else None,
            output=self.out.report.folder,
        )
        inputs = [combined.output, *(answer.submission for answer in answers.values()), *(run.result for run in runs)]
        return Step("report", "report", words, self.out.report.page, (*inputs, *self.truth_tables))
