import json
from pathlib import Path

import pytest

from hpa_lit.cli.plan import PipelineSettings, Plan, plan, summary
from hpa_lit.cli.planned_run import PlannedRun
from hpa_lit.cli.steps import setting
from hpa_lit.files.tree import PipelineTree

SETTINGS = {
    "recipes": "dense",
    "folds": [0, 1],
    "embedder": None,
    "embedder_epoch": 45,
    "threshold": 0.65,
    "truth": None,
    "views": {"name": "full", "crops": 4, "dihedral": ["default"]},
    "paths": {"root": "data", "outputs": "o"},
    "name": None,
    "at_once": 1,
    "dry_run": False,
    **dict.fromkeys(("train", "train_embedder", "predict", "embed", "submit", "neighbours", "report"), ""),
}
OUT = PipelineTree(Path("o/pipeline/p"))
FOLDS = ["o/dense/fold=0/result.json", "o/dense/fold=1/result.json"]
PREDICTIONS = ["o/pipeline/p/predictions/dense_fold_0.parquet", "o/pipeline/p/predictions/dense_fold_1.parquet"]
ENSEMBLE = "o/pipeline/p/combine/ensemble.parquet"
LEAK_LIST = "o/pipeline/p/answers/leak_list/submission.csv"
MATCHES = "data/tables/test_matches.parquet"
REPORT = "o/pipeline/p/report/report.html"


def planned_run(words):
    """A run in a folder that tells recipes, and folds where there are any."""
    experiment, *rest = words
    folder = Path("o", experiment.removeprefix("experiment="), *(word for word in rest if word.startswith("fold=")))
    return PlannedRun(folder, {"words": list(words)})


def settings(**changed) -> PipelineSettings:
    return PipelineSettings.model_validate_json(json.dumps({**SETTINGS, **changed}, default=str))


def planned(**changed) -> Plan:
    return plan(settings(**changed), OUT, planned_run)


def table(steps):
    """Verb, output and inputs of each step."""
    return [(step.verb, str(step.output), [str(path) for path in step.inputs]) for step in steps]


def words(steps, verb):
    return [step.arguments for step in steps if step.verb == verb]


def test_two_folds_without_truth_and_embedder():
    assert table(planned().steps) == [
        ("train", FOLDS[0], []),
        ("train", FOLDS[1], []),
        ("predict", PREDICTIONS[0], [FOLDS[0]]),
        ("predict", PREDICTIONS[1], [FOLDS[1]]),
        ("combine", ENSEMBLE, [*PREDICTIONS, MATCHES]),
        ("submit", LEAK_LIST, [ENSEMBLE]),
        ("report", REPORT, [ENSEMBLE, LEAK_LIST, *FOLDS]),
    ]


def test_two_folds_with_truth_and_embedder():
    pipeline = planned(truth=["a.csv", "b.csv"], embedder="face", threshold="auto")
    truth, face = ["a.csv", "b.csv"], "o/face/result.json"
    one_view, all_views, all_folds = (
        f"o/pipeline/p/combine/{name}.parquet" for name in ("one_fold_one_view", "one_fold_all_views", "all_folds")
    )
    answers = {
        "one fold one view": "o/pipeline/p/answers/one_fold_one_view/submission.csv",
        "one fold all views": "o/pipeline/p/answers/one_fold_all_views/submission.csv",
        "all folds": "o/pipeline/p/answers/all_folds/submission.csv",
        "duplicates": "o/pipeline/p/answers/duplicates/submission.csv",
        "thresholds": "o/pipeline/p/answers/thresholds/submission.csv",
        "leak list": LEAK_LIST,
        "neighbours": "o/pipeline/p/answers/neighbours/submission.csv",
    }
    features = {name: f"o/pipeline/p/features/{name}.parquet" for name in ("external", "test", "train")}
    assert table(pipeline.steps) == [
        ("train", FOLDS[0], []),
        ("train", FOLDS[1], []),
        ("train", face, []),
        ("predict", PREDICTIONS[0], [FOLDS[0]]),
        ("predict", PREDICTIONS[1], [FOLDS[1]]),
        ("combine", one_view, PREDICTIONS[:1]),
        ("submit", answers["one fold one view"], [one_view, *truth]),
        ("combine", all_views, PREDICTIONS[:1]),
        ("submit", answers["one fold all views"], [all_views, *truth]),
        ("combine", all_folds, PREDICTIONS),
        ("submit", answers["all folds"], [all_folds, *truth]),
        ("combine", ENSEMBLE, [*PREDICTIONS, MATCHES]),
        ("submit", answers["duplicates"], [ENSEMBLE, *truth]),
        ("submit", answers["thresholds"], [ENSEMBLE, *truth]),
        ("submit", answers["leak list"], [ENSEMBLE, *truth]),
        ("embed", features["external"], [face]),
        ("embed", features["test"], [face]),
        ("embed", features["train"], [face]),
        ("neighbours", answers["neighbours"], [*features.values(), LEAK_LIST, *truth]),
        ("report", REPORT, [ENSEMBLE, *answers.values(), *FOLDS, face, *truth]),
    ]
    assert {name: str(answer.submission) for name, answer in pipeline.answers.items()} == answers
    assert "labelled=o/pipeline/p/features/train.parquet" in words(pipeline.steps, "neighbours")[0]


@pytest.mark.parametrize("threshold", [0.65, "auto"])
@pytest.mark.parametrize("truth", [None, "truth.csv"])
@pytest.mark.parametrize("embedder", [None, "face"])
@pytest.mark.parametrize("recipes", ["dense", ["dense", "res"]])
def test_every_input_is_an_earlier_output_or_lies_there_before(recipes, embedder, truth, threshold):
    there = {Path(MATCHES), *([Path(truth)] if truth else [])}
    for step in planned(recipes=recipes, embedder=embedder, truth=truth, threshold=threshold).steps:
        assert set(step.inputs) <= there
        assert step.output not in there, "two steps write one file"
        there.add(step.output)


def test_a_step_is_told_its_output_whatever_else_is_asked_for():
    usual, asked = planned(), planned(predict="epoch=last views=none out=elsewhere.parquet")
    assert table(asked.steps) == table(usual.steps)
    for arguments, output in zip(words(asked.steps, "predict"), PREDICTIONS, strict=True):
        assert arguments.index("epoch=last") < arguments.index(f"out={output}")
        assert arguments.index("views=full") < arguments.index("views=none"), "the later word wins"
        assert arguments.index("out=elsewhere.parquet") < arguments.index(f"out={output}")
    (combine,) = words(asked.steps, "combine")
    assert f"predictions=[{','.join(PREDICTIONS)}]" in combine


def test_train_is_given_the_words_that_its_folder_was_asked_for_with():
    asked = []

    def remember(words):
        asked.append(words)
        return planned_run(words)

    steps = plan(settings(embedder="face", train="'tag=a b'"), OUT, remember).steps
    paths = (setting("paths.root", "data"), setting("paths.outputs", "o"))
    assert words(steps, "train") == asked
    assert asked[0] == ("experiment=dense", "fold=0", "tag=a b", *paths)
    assert asked[2] == ("experiment=face", *paths)


def test_combine_reads_files_whose_names_look_like_patterns():
    out = PipelineTree(Path("o/[x]"))
    (combine,) = words(plan(settings(), out, planned_run).steps, "combine")
    files = [f"o/[[]x]/predictions/dense_fold_{fold}.parquet" for fold in (0, 1)]
    assert setting("predictions", files) in combine


def test_the_summary_says_scores_where_the_truth_is_known(tmp_path):
    out = PipelineTree(tmp_path)
    answers = {"one": out.answer("one"), "two more": out.answer("two more")}
    end = f"answer: {tmp_path}/answers/two_more/submission.csv\nreport: {tmp_path}/report/report.html"
    assert summary(settings(), out, answers) == end
    for answer, score in zip(answers.values(), (0.25, 0.5), strict=True):
        answer.folder.mkdir(parents=True)
        answer.scores.write_text(f'{{"scores": {{"macro_f1": {score}}}}}')
    lines = summary(settings(truth="t.csv"), out, answers).splitlines()
    assert lines[:3] == ["macro F1 after each step:", f"  one{' ' * 18}0.2500", f"  two more{' ' * 13}0.5000"]
    assert "\n".join(lines[3:]) == end
