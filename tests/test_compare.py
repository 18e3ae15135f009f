"""The command compare: runs of three trainings on the same images, whose predictions are there or are made."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from small_run import LABELS, save_pictures, save_run

from hpa_lit import compare
from hpa_lit.files import prediction_file
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.tree import ComparisonTree, RunTree
from hpa_lit.results import evaluation

IDS = [f"i{row:02}" for row in range(12)]
APART = [f"j{row:02}" for row in range(12)]  # images that are set apart for testing
TRUTH = np.random.default_rng(0).integers(0, 2, (12, 3)).astype(np.uint8)
TARGETS = [" ".join(map(str, np.flatnonzero(row))) for row in TRUTH]


def make(name, **more):
    """A finished run that was validated on twelve images."""
    run, _ = save_run(RunTree(compare.Path("outputs/train") / name / "fold1").folder)
    config = {"run_name": name, "fold": 1, "monitor": "valid/focal", "mode": "min", "seed": 0, "arch": {"arch": "tiny"}}
    run.config.write_text(yaml.safe_dump(config | more))
    sides = ["train", *["valid"] * len(IDS)]
    table = pd.DataFrame({"Id": ["t", *IDS], "side": sides, "Target": ["0", *TARGETS]})
    table.to_csv(run.record, index=False)
    start = {"command": "hpa-lit train", "end": "finished", "images": {"train": 40, "valid": len(IDS)}}
    starts = [start | {"cpu_seconds": 9.0, "peak_memory_gb": 1.5}, start | {"cpu_seconds": 8.0, "peak_memory_gb": 2.5}]
    run.provenance.write_text(json.dumps({"wall_seconds": 20.0, "finished": True, "starts": starts}))
    run.result.write_text(json.dumps({"epochs": 3, "best_epoch": 2, "score": 0.5}))
    return run


def predicted(run, quality, side="valid", shift=0.0):
    """Write what predict would, knowing the truth more or less well."""
    noise = np.random.default_rng(1).normal(size=TRUTH.shape)
    probs = 1 / (1 + np.exp(-(quality * (2.0 * TRUTH - 1) + noise - shift)))
    file = Predictions(
        ids=tuple(IDS if side == "valid" else APART),
        status=("ok",) * len(IDS),
        views=("crop0/default",),
        labels=tuple(LABELS),
        probabilities=probs.astype(np.float32)[:, None],
        run=run.folder.parent.name,
        fold=1,
        dataset=side,
        checkpoint="best",
    )
    prediction_file.write(ComparisonTree(compare.Path("outputs/compare")).predictions(str(run.folder), side), file)
    return probs.astype(np.float32)


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """What the command prints, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["hpa-lit compare", *words])
        compare.main()
        return capsys.readouterr().out

    return start


def test_trainings_that_differ_in_the_seed_alone_are_one_model(say):
    good, again = make("good", seed=3, tag="a"), make("again", seed=4, tag="b")
    bad = make("bad", optimizer={"lr": 1})
    probs = [predicted(run, quality) for run, quality in ((good, 3), (again, 2), (bad, 0))]
    found = json.loads(say("runs=[outputs/train/bad/fold1,outputs/train/good,outputs/train/again]", "--json"))
    names = {name: f"{name}/fold1" for name in ("bad", "good")}
    assert found["seeds"] == {names["bad"]: 1, names["good"]: 2}
    assert found["images"] == len(IDS)
    values = {(row["model"], row["metric"]): row for row in found["scores"]}
    focal = [evaluation.focal_loss(TRUTH, its) for its in probs]
    assert values[names["good"], "focal_loss"]["value"] == pytest.approx(np.mean(focal[:2]), rel=1e-5)
    assert values[names["bad"], "focal_loss"]["value"] == pytest.approx(focal[2], rel=1e-5)
    assert values[names["good"], "focal_loss"]["verdict"] == "better"
    cost = {row["model"]: row for row in found["cost"]}
    assert cost[names["good"]]["images_per_second"] == 3 * 40 / 20
    assert cost[names["good"]]["trainings"] == 2
    assert (cost[names["bad"]]["cpu_seconds"], cost[names["bad"]]["peak_memory_gb"]) == (17, 2.5)
    assert cost[names["bad"]]["peak_gpu_memory_gb"] is None
    page = compare.Path(found["page"]).read_text()
    assert "bad/fold1" in page
    assert "<script src" not in page
    table = pd.read_csv("outputs/compare/scores.csv")
    assert table["value"].tolist() == pytest.approx([row["value"] for row in found["scores"]])


def test_a_pattern_names_runs_and_the_table_says_which_is_better(say):
    for name, quality in (("a", 3), ("b", 0)):
        predicted(make(name, tag=name, optimizer={"lr": quality}), quality)
    said = say("runs=outputs/train/*/fold1")
    assert "12 images; trainings of each model: a/fold1 (1), b/fold1 (1)" in said
    assert said.count("worse") >= 2
    assert "page: outputs/compare/compare.html" in said


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (None, "runs=[outputs/train/a]", "there is 1 model: give two or more"),
        (None, "runs=[outputs/train/a,outputs/train/none]", "runs=outputs/train/none: there is no training run"),
        ("finished", "runs=outputs/train/*", "1 runs are not finished.*\n.*outputs/train/b/fold1 is stopped"),
        ("embedder", "runs=outputs/train/*", "1 runs are of embedders.*\n.*outputs/train/b"),
        ("target", "runs=outputs/train/*", "learned other labels of 1 images.*\n.*i03"),
        ("images", "runs=outputs/train/*", "differ in 1 Ids.*\n.*i00 is only in outputs/train/a/fold1"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(say, change, words, message):
    for name in ("a", "b"):
        run = make(name, tag=name, optimizer={"lr": name})
        if name == "b" and change == "finished":
            run.result.unlink()
            run.provenance.write_text(json.dumps({"finished": False, "starts": [{"end": "SIGTERM"}]}))
        if name == "b" and change == "embedder":
            config = yaml.safe_load(run.config.read_text())
            run.config.write_text(yaml.safe_dump(config | {"task": {"_target_": "hpa_lit.tasks.EmbedTask"}}))
        if name == "b" and change == "target":
            table = pd.read_csv(run.record, dtype=str, keep_default_na=False)
            table.loc[table.Id == "i03", "Target"] = "2" if TARGETS[3] != "2" else "1"
            table.to_csv(run.record, index=False)
        predicted(run, 1)
        if name == "b" and change == "images":
            path = ComparisonTree(compare.Path("outputs/compare")).predictions(str(run.folder), "valid")
            prediction_file.write(path, prediction_file.read(path).take(range(1, 12)))
    with pytest.raises(SystemExit, match=f"(?s){message}"):
        say(words)


def test_thresholds_are_chosen_where_a_training_was_validated(say):
    """Trainings that are less sure of all by the same amount are as good, once each has its own threshold."""
    for name, shift in (("a", 0.0), ("b", 2.0)):
        run = make(name, tag=name, optimizer={"lr": shift})
        table = pd.read_csv(run.record, dtype=str, keep_default_na=False)
        apart = table[table.side == "valid"].assign(Id=APART, side="test")
        pd.concat([table, apart]).to_csv(run.record, index=False)
        for side in ("valid", "test"):
            probs = predicted(run, 3, side, shift)
        limits = np.arange(1, 20) / 20
        best = max(evaluation.present_macro_f1(TRUTH, probs > limit) for limit in limits)
    words = ["runs=outputs/train/*", "dataset=test", "--json"]
    found = json.loads(say(*words, "threshold=auto"))
    f1 = [row["value"] for row in found["scores"] if row["metric"] == "macro_f1"]
    assert f1[1] == pytest.approx(best)
    assert f1[0] == pytest.approx(f1[1], abs=0.05)
    with pytest.raises(SystemExit, match="dataset=test"):
        say("runs=outputs/train/*", "threshold=auto")


def test_another_comparison_asks_for_another_folder(say):
    for name, quality in (("a", 3), ("b", 0)):
        predicted(make(name, tag=name, optimizer={"lr": quality}), quality)
    say("runs=outputs/train/*")
    with pytest.raises(SystemExit, match="set output=DIR"):
        say("runs=outputs/train/*", "threshold=0.4")


@pytest.mark.slow
def test_runs_are_predicted_where_that_was_not_done_yet(say, tmp_path):
    save_pictures(tmp_path / "pictures", 13)
    (tmp_path / "pictures" / "i12.tif").rename(tmp_path / "pictures" / "t.tif")
    table = pd.DataFrame({"Id": ["t", *IDS], "Target": ["0", *TARGETS]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    for name in ("a", "b"):
        run = make(name, tag=name, optimizer={"lr": name})
        folder = {"images": str(tmp_path / "pictures"), "labels": str(tmp_path / "labels.csv"), "label_list": LABELS}
        save_run(run.folder, _target_="hpa_lit.data.FolderDataModule", fold=0, **folder)
    found = json.loads(say("runs=outputs/train/*", "--json", "predict='trainer=cpu workers=0'"))
    assert {row["difference"] for row in found["scores"]} == {0.0}  # the same weights
    assert len(list((tmp_path / "outputs/compare/predictions/valid").iterdir())) == 2
