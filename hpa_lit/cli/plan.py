"""From prepared data to a scored answer: which commands, with which settings, in which order."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose

from hpa_lit.cli.steps import Step, setting
from hpa_lit.files.tree import AnswerTree, DataTree, PipelineTree, RunTree

HALF = ("thresholds=fixed", "fixed=0.5", "always_top=true")


class Pipeline:
    """The steps of the command pipeline, in order.

    Where the truth is known there is an answer after every step, to see what each gains; else the last ones alone.

    Args:
        settings: Of the command, resolved.
        out: Where that goes which belongs to no single run.

    Attributes:
        steps: What to run.
        answers: The answers by what they add to the one before; the last is the best.
    """

    def __init__(self, settings: Mapping[str, Any], out: PipelineTree) -> None:
        self.settings, self.out, self.steps = settings, out, list[Step]()
        self.answers = dict[str, AnswerTree]()
        self.paths = [setting(f"paths.{name}", place) for name, place in settings["paths"].items()]
        self.truth = [setting("truth", settings["truth"])] if settings["truth"] else []
        recipe, embedder = [], settings["embedder"]
        recipes = settings["recipes"]
        for experiment in [recipes] if isinstance(recipes, str) else recipes:
            for fold in settings["folds"]:
                words = [f"experiment={experiment}", f"fold={fold}", *self.more("train")]
                recipe.append((f"{experiment} fold {fold}", self.train(f"{experiment} fold {fold}", words)))
        runs = [run for _, run in recipe]
        if embedder:
            runs.append(self.train(embedder, [f"experiment={embedder}", *self.more("train_embedder")]))
        predictions = [self.predict(name, run) for name, run in recipe]
        if self.truth:
            self.submit(
                "one fold one view", self.combine("one fold one view", predictions[:1], "over_views=first"), HALF
            )
            self.submit("one fold all views", self.combine("one fold all views", predictions[:1]), HALF)
            self.submit("all folds", self.combine("all folds", predictions), HALF)
        duplicates = setting("duplicates", DataTree(Path(settings["paths"]["root"])).test_matches)
        ensemble = self.combine("ensemble", predictions, duplicates)
        if self.truth:
            self.submit("duplicates", ensemble, HALF)
            self.submit("thresholds", ensemble, ["always_top=true", *self.more("submit")])
        self.submit("leak list", ensemble, ["postprocess=competition", *self.more("submit")])
        if embedder:
            self.replace("neighbours", runs[-1])
        self.report(ensemble, runs)

    def summary(self) -> str:
        """The scores, and where the answer and the report are."""
        lines = []
        if self.truth:
            scores = {name: json.loads(answer.scores.read_text())["scores"] for name, answer in self.answers.items()}
            lines = [f"  {name:20} {score['macro_f1']:.4f}" for name, score in scores.items()]
            lines.insert(0, "macro F1 after each step:")
        *_, answer = self.answers.values()
        return "\n".join([*lines, f"answer: {answer.submission}", f"report: {self.out.report.page}"])

    def more(self, verb: str) -> list[str]:
        """The settings of a command that the pipeline's own settings add."""
        return shlex.split(self.settings[verb])

    def add(self, name: str, verb: str, words: Sequence[str], output: Path, inputs: Sequence[Path] = ()) -> None:
        """Add a step; see `Step`."""
        self.steps.append(Step(name, verb, (*words, *self.paths), output, tuple(inputs)))

    def train(self, name: str, words: Sequence[str]) -> RunTree:
        """Train; the folder is what train's own config says."""
        config = compose("train", [*words, *self.paths], return_hydra_config=True)
        run = RunTree(Path(config.hydra.run.dir))
        self.add(f"train {name}", "train", words, run.checkpoint(config.scheduler.epochs))
        return run

    def predict(self, name: str, run: RunTree) -> Path:
        """Predict the test set in all views."""
        views = self.settings["views"]["name"]
        words = [setting("run", run.folder), "dataset=test", f"views={views}", *self.more("predict")]
        output = run.predictions("test", "best", views)
        self.add(f"predict {name}", "predict", words, output, [run.checkpoint("best")])
        return output

    def embed(self, run: RunTree, dataset: str) -> Path:
        """Features of a set."""
        epoch = self.settings["embedder_epoch"]
        checkpoint = run.checkpoint(epoch)
        words = [setting("run", run.folder), f"epoch={epoch}", f"dataset={dataset}", *self.more("embed")]
        output = run.features(dataset, checkpoint.stem)
        self.add(f"embed {dataset}", "embed", words, output, [checkpoint])
        return output

    def combine(self, name: str, files: Sequence[Path], *words: str) -> Path:
        """One probability an image and label."""
        output = self.out.combined(name)
        words = (setting("predictions", files), *words, setting("output", output))
        self.add(f"combine {name}", "combine", words, output, files)
        return output

    def submit(self, name: str, predictions: Path, words: Sequence[str]) -> None:
        """Label strings, and scores where the truth is known."""
        answer = self.answers[name] = self.out.answer(name)
        words = [setting("predictions", predictions), *words, *self.truth, setting("output", answer.folder)]
        self.add(f"submit {name}", "submit", words, answer.scores, [predictions])

    def replace(self, name: str, embedder: RunTree) -> None:
        """Answers of similar atlas images in place of the last ones."""
        *_, before = self.answers.values()
        answer = self.answers[name] = self.out.answer(name)
        files = {"gallery": self.embed(embedder, "external"), "queries": self.embed(embedder, "test")}
        if self.settings["threshold"] == "auto":
            files["labelled"] = self.embed(embedder, "train")
        files["submission"] = before.submission
        words = [setting(key, path) for key, path in files.items()]
        words += [setting("threshold", self.settings["threshold"]), *self.more("neighbours"), *self.truth]
        words.append(setting("output", answer.folder))
        self.add(f"replace by {name}", "neighbours", words, answer.config, list(files.values()))

    def report(self, predictions: Path, runs: Sequence[RunTree]) -> None:
        """The page about the last answer, and how it got there where the truth is known."""
        *_, final = self.answers.values()
        words = [setting("predictions", predictions), setting("submission", final.folder), "dataset=test"]
        words += [setting("run", runs[0].folder), setting("runs", [run.folder for run in runs]), *self.truth]
        if self.truth:
            words.append(setting("steps", {name: answer.folder for name, answer in self.answers.items()}))
        words += [*self.more("report"), setting("output", self.out.report.folder)]
        self.add("report", "report", words, self.out.report.page, [predictions, final.submission])
