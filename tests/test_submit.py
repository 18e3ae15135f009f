"""The command submit, on real files."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hpa_lit import submit
from hpa_lit.files import prediction_file
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.tree import AnswerTree
from hpa_lit.labels import LABEL_NAMES, decode
from hpa_lit.results import evaluation, submission, thresholds


def save(path, ids, probs, dataset="test"):
    order = sorted(range(len(ids)), key=ids.__getitem__)
    file = Predictions(
        ids=tuple(ids[row] for row in order),
        status=("ok",) * len(ids),
        views=("all",),
        labels=LABEL_NAMES,
        probabilities=np.asarray(probs, np.float32)[order][:, None],
        run="winner",
        fold=None,
        dataset=dataset,
        checkpoint="",
    )
    prediction_file.write(path, file)
    return path


@pytest.fixture
def arrays(golden):
    return np.load(golden / "ensemble.npz")


@pytest.fixture
def data(golden, arrays, tmp_path):
    """A data folder with the reference's sample submission and leak list, and labels of a hundred training images."""
    tree = DataTree(tmp_path / "data")
    for path in (tree.sample_submission, tree.leak):
        path.parent.mkdir(parents=True)
    pd.DataFrame({"Id": arrays["submission_order_ids"], "Predicted": "0"}).to_csv(tree.sample_submission, index=False)
    pd.read_csv(golden / "ensemble_test_leak.csv").to_parquet(tree.leak)
    known = np.load(golden / "thresholds.npz")["value/a/labels"][:100]
    targets = [decode(row) or "0" for row in known]
    pd.DataFrame({"Id": [f"t{n:03}" for n in range(100)], "Target": targets}).to_csv(tree.train_csv, index=False)
    return tree


@pytest.fixture
def run(arrays, data, tmp_path, monkeypatch):
    """Run the command on the reference's ensemble."""
    file = save(tmp_path / "test.parquet", arrays["test_ids"].tolist(), arrays["fold_mean_after_duplicates"])
    out = AnswerTree(tmp_path / "answers")

    def start(*words):
        paths = [f"paths.root={data.root}", f"paths.outputs={tmp_path}", f"output={out.folder}"]
        predictions = [] if any(word.startswith("predictions=") for word in words) else [f"predictions={file}"]
        monkeypatch.setattr(sys, "argv", ["hpa-lit submit", *predictions, *paths, *words])
        submit.main()
        return out

    return start


def test_competition_equals_the_reference(run, golden, tmp_path):
    ratios = pd.DataFrame({"label": LABEL_NAMES, "ratio": np.load(golden / "ensemble.npz")["ratio_used"]})
    ratios.to_csv(tmp_path / "ratios.csv", index=False)
    out = run("postprocess=competition", f"ratios={tmp_path}/ratios.csv")
    expected = golden / "ensemble_submission_final.csv"
    assert out.submission.read_text().splitlines() == expected.read_text().splitlines()


def test_plain_gives_each_label_its_training_frequency(run, arrays, data):
    out = run()
    table = submission.read_submission(out.submission)
    assert table.Id.tolist() == sorted(arrays["test_ids"])
    frequency = (
        pd.read_csv(data.train_csv)
        .Target.str.get_dummies(" ")
        .rename(columns=int)
        .mean()
        .reindex(range(28), fill_value=0)
    )
    limits = thresholds.ratio(arrays["fold_mean_after_duplicates"].astype(np.float32), frequency)
    written = pd.read_csv(out.thresholds)
    assert written.label.tolist() == list(LABEL_NAMES)
    np.testing.assert_allclose(written.threshold, limits)
    given = submission.to_rows(table.Predicted.tolist(), 28).mean(axis=0)
    np.testing.assert_allclose(given, frequency, atol=0.006)  # 200 images: 0.005 apart


def test_own_images_are_answered_without_the_atlas(run, tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("Id,membrane,cytoplasm\na,0.7,0.6\nb,0.1,0.5\n")
    out = run(f"predictions={tmp_path}/mine.csv", f"paths.root={tmp_path}/none")
    assert out.submission.read_text() == "Id,Predicted\na,0 1\nb,\n"
    assert pd.read_csv(out.wide("csv"))["locations"][0] == "membrane, cytoplasm"
    assert "2 images by thresholds=fixed" in capsys.readouterr().out


def test_locations_in_words(run):
    out = run("thresholds=fixed", "fixed=0.9")
    table, answers = pd.read_parquet(out.wide("parquet")), submission.read_submission(out.submission)
    assert table.Id.tolist() == answers.Id.tolist()
    row = table.iloc[3]
    over = [name for name in LABEL_NAMES if row[f"{name} probability"] > 0.9]
    assert row.locations == ", ".join(over) == ", ".join(LABEL_NAMES[int(k)] for k in answers.Predicted[3].split())
    assert pd.read_csv(out.wide("csv")).columns.tolist() == table.columns.tolist()


def test_scores_for_machines(run, arrays, tmp_path, capsys):
    rng = np.random.default_rng(0)
    truth = (rng.random((200, 28)) < arrays["fold_mean_after_duplicates"]).astype(np.uint8)
    truth[:, 0] = 1
    table = pd.DataFrame({"Id": arrays["test_ids"], "Target": [decode(row) for row in truth]})
    table.to_csv(tmp_path / "truth.csv", index=False)
    run("thresholds=fixed", "always_top=true", f"truth={tmp_path}/truth.csv", "--json")
    found = json.loads(capsys.readouterr().out)
    predicted = thresholds.assign(arrays["fold_mean_after_duplicates"], np.full(28, 0.5))
    assert found["scores"]["macro_f1"] == pytest.approx(evaluation.present_macro_f1(truth, predicted))
    assert found["scores"]["labels"][0]["support"] == 200
    run("thresholds=fixed", "always_top=true", f"truth={tmp_path}/truth.csv")
    assert f"macro F1 {found['scores']['macro_f1']:.4f}" in capsys.readouterr().out


def test_a_folder_is_written_by_one_config_alone(run, tmp_path):
    out = run("thresholds=fixed")
    files = {path: path.read_bytes() for path in out.folder.iterdir()}
    with pytest.raises(SystemExit) as refused:
        run("thresholds=fixed", "fixed=0.6", "always_top=true")
    assert "set output=DIR to keep both" in str(refused.value)
    assert str(refused.value).splitlines()[1:] == [
        "  always_top: False there, True now",
        "  fixed: 0.5 there, 0.6 now",
    ]
    assert {path: path.read_bytes() for path in out.folder.iterdir()} == files
    with pytest.raises(SystemExit, match=r"paths.root: .*/data there, elsewhere now"):
        run("thresholds=fixed", "paths.root=elsewhere")
    run("thresholds=fixed", "--json")  # what is printed is free
    assert {path: path.read_bytes() for path in out.folder.iterdir() if path != out.config} == {
        path: content for path, content in files.items() if path != out.config
    }
    out.config.unlink()
    with pytest.raises(SystemExit, match=r"(?s)has no config.yaml to say .*remove the folder:\n  submission.csv"):
        run("thresholds=fixed")
    run("thresholds=fixed", f"output={tmp_path}/other")


def test_the_config_is_the_first_file_and_the_submission_the_last(run):
    out = run("thresholds=fixed")
    config, files = out.config.read_text(), {path.name for path in out.folder.iterdir()}
    shutil.rmtree(out.folder)
    out.config.mkdir(parents=True)  # which no file can take the place of
    with pytest.raises(SystemExit, match="cannot be written: Is a directory"):
        run("thresholds=fixed")
    assert [path.name for path in out.folder.iterdir()] == ["config.yaml"]
    out.config.rmdir()
    out.config.write_text(config)
    out.submission.mkdir()
    with pytest.raises(SystemExit, match="cannot be written: Is a directory"):
        run("thresholds=fixed")
    assert {path.name for path in out.folder.iterdir()} == files


def test_a_mistake_leaves_the_folder_free(run, tmp_path):
    with pytest.raises(SystemExit, match="there is no table"):
        run("thresholds=fixed", f"truth={tmp_path}/none.csv")
    assert run("thresholds=fixed").submission.is_file()


@pytest.mark.parametrize("kind", ["f1", "soft_f1"])
def test_fitted_thresholds_and_the_score_they_promise(run, arrays, data, tmp_path, golden, kind, capsys):
    fit = np.load(golden / "thresholds.npz")
    probs, labels = fit["value/a/probs"], fit["value/a/labels"]
    labels[~labels.any(axis=1), 0] = 1
    ids = [f"v{n:04}" for n in range(len(probs))]
    table = pd.DataFrame({"Id": ids, "Target": [decode(row) for row in labels]})
    table[:900].to_parquet(data.metadata("train"))
    table[900:].to_parquet(data.metadata("external"))
    save(tmp_path / "valid.parquet", ids, probs, "valid")
    out = run(f"thresholds={kind}", f"out_of_fold={tmp_path}/valid.parquet", "json=true")
    expected = json.loads(capsys.readouterr().out)["expected"]
    fit_thresholds = {"f1": thresholds.f1, "soft_f1": thresholds.soft_f1}[kind]
    fitted = fit_thresholds(probs, labels)
    np.testing.assert_allclose(pd.read_csv(out.thresholds).threshold, fitted, atol=1e-6)
    held_out = thresholds.cross_validated(probs, labels, fit_thresholds)
    assert expected["macro_f1"] == pytest.approx(evaluation.present_macro_f1(labels, held_out), abs=1e-6)
    assert expected["low"] < expected["macro_f1"] < expected["high"]
    assert expected["macro_f1"] < evaluation.present_macro_f1(labels, probs > fitted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["thresholds=best"], "choose auto, ratio, fixed, f1 or soft_f1"),
        (["thresholds=f1"], "set out_of_fold=FILE"),
        (["thresholds=fixed", "fixed=[0.5,0.5]"], "fixed has 2 thresholds for 28 labels: give one, or as many"),
        (["postprocess=competition", "sample={tmp}/data/raw/train.csv"], "differ from the sample's in 300 places"),
        (["postprocess=competition", "leak={tmp}/data/raw/train.csv"], "100 Ids to replace are not in the submission"),
        (["truth={tmp}/data/raw/train.csv", "thresholds=fixed"], "200 Ids have no Target"),
        (["postprocess=other"], "competition"),
        (["predictions={tmp}/none.parquet"], "there is no prediction file"),
        (["ratios={tmp}/none.csv"], "there is no table"),
        (["paths.root={tmp}"], "ratios to a table label,ratio, or thresholds=fixed"),
        (["on_failed=skip"], "choose error or drop"),
        (["threshold=fixed"], "Valid keys here: .*thresholds"),
    ],
)
def test_mistakes_end_with_one_message(run, tmp_path, words, message):
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        run(*(word.format(tmp=tmp_path) for word in words))
    assert not (tmp_path / "answers" / "submission.csv").exists()


def test_files_of_other_labels_views_and_failed_images_are_refused(run, arrays, tmp_path):
    file = prediction_file.read(tmp_path / "test.parquet")
    other = tmp_path / "other.parquet"
    prediction_file.write(other, replace(file, labels=(*file.labels[:-1], "Nothing")))
    with pytest.raises(SystemExit, match="other labels"):
        run("thresholds=f1", f"out_of_fold={other}")
    prediction_file.write(other, replace(file, views=("a", "b"), probabilities=file.probabilities.repeat(2, axis=1)))
    with pytest.raises(SystemExit, match="2 views of each image: combine them first"):
        run(f"predictions={other}")
    failed = replace(file, status=("cut short", *file.status[1:]), probabilities=file.probabilities.copy())
    failed.probabilities[0] = np.nan
    prediction_file.write(other, failed)
    with pytest.raises(SystemExit, match=f"{file.ids[0]}: cut short"):
        run(f"predictions={other}")
    with pytest.raises(SystemExit, match=f"1 places:\n  {file.ids[0]} was not predicted"):
        run(f"predictions={other}", "postprocess=competition", "on_failed=drop")
    out = run(f"predictions={other}", "on_failed=drop")
    assert submission.read_submission(out.submission).Id.tolist() == list(file.ids[1:])
