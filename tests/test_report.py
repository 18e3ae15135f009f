"""The command report: the page of real files, opened in a browser too."""

import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from browser import fit, needs_browser
from PIL import Image
from small_run import DECISION, LABELS, save_pictures, save_run

from hpa_lit import report, submit
from hpa_lit.files import prediction_file
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.tree import ReportTree, RunTree

IDS = [f"i{row:02}" for row in range(6)]
# No image has the third label; i03 has the second one against the model's firm word, and i05 the first.
TRUTH = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [1, 1, 0]]
PROBS = [[0.9, 0.1, 0.2], [0.8, 0.2, 0.1], [0.2, 0.9, 0.1], [0.1, 0.02, 0.6], [0.3, 0.7, 0.1], [0.1, 0.8, 0.2]]


def start(main, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hpa-lit", *words])
        main()


def data_of(html):
    """What the page's table of images is made from."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with pictures, predictions, their truth, a submission, and a trained network with its logs."""
    home = tmp_path_factory.mktemp("report")
    save_pictures(home / "mine", len(IDS))
    run, _ = save_run(home / "train" / "small" / "fold1")
    metrics = run.folder / "csv" / "version_0" / "metrics.csv"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(
        "epoch,lr,step,train/loss,valid/focal,valid/loss,valid/macro_f1\n1.0,,7,,4.0,3.0,0.1\n1.0,0.0003,7,5.0,,,\n"
    )
    target = [" ".join(map(str, np.flatnonzero(row))) for row in TRUTH]
    pd.DataFrame({"Id": IDS, "Target": target}).to_csv(home / "truth.csv", index=False)
    values = np.array(PROBS, np.float32)[:, None]
    ok = ("ok",) * len(IDS)
    predictions = Predictions(tuple(IDS), ok, ("all",), tuple(LABELS), values, "small", None, "test", "best.ckpt")
    prediction_file.write(home / "test.parquet", predictions)
    words = [
        f"predictions={home}/test.parquet",
        f"truth={home}/truth.csv",
        "thresholds=fixed",
        f"output={home}/answers",
    ]
    start(submit.main, *words)
    return home


@pytest.fixture(scope="module")
def whole(home):
    """A report with all its parts."""
    start(
        report.main,
        f"predictions={home}/test.parquet",
        f"truth={home}/truth.csv",
        f"submission={home}/answers",
        f"steps={{one view: {home}/answers, all views: {home}/answers/scores.json}}",
        f"runs={home}/train/small/fold1",
        f"images={home}/mine",
        f"run={home}/train/small/fold1",
        "maps=2",
        f"paths.outputs={home}",
    )
    return ReportTree(home / "report" / "test")


def test_the_page_says_what_submit_says(whole, home):
    html = whole.page.read_text()
    expected = json.loads((home / "answers" / "scores.json").read_text())["scores"]
    assert f"<b>{expected['macro_f1']:.3f}</b>" in html
    table = pd.read_csv(whole.table("labels"))
    for name in ("label", "f1", "precision", "recall", "average_precision", "support"):
        found = table[name].astype(object).where(table[name].notna(), None).tolist()
        assert found == [row[name] for row in expected["labels"]]
    assert "No image of the truth has the labels in grey, 1 of" in html
    assert "Not part of this report" not in html


def test_tables_and_pictures_lie_beside_the_page(whole):
    html = whole.page.read_text()
    tables = {"labels", "confusion", "images", "examples", "precision_recall", "calibration", "steps", "training"}
    assert {path.stem for path in whole.folder.glob("tables/*.csv")} == tables
    for name in tables:
        assert f"tables/{name}.csv" in html
    pictures = {path.stem for path in whole.folder.glob("pictures/*.png")}
    assert {
        "labels",
        "calibration",
        "confusion",
        "steps",
        "training_classifier_loss",
        "training_classifier_lr",
    } <= pictures
    assert {"precision_recall_00_bright", "sheet_00_bright", "sheet_01_dark", "activation_maps"} <= pictures
    assert "precision_recall_02_odd" not in pictures
    for path in whole.folder.glob("pictures/*.png"):
        with Image.open(path) as picture:
            picture.load()


def test_examples_are_hits_misses_false_alarms_and_label_errors(whole):
    table = pd.read_csv(whole.table("examples"))
    chosen = {kind: set(zip(rows["label"], rows["Id"], strict=True)) for kind, rows in table.groupby("kind")}
    assert chosen["hit"] == {("bright", "i00"), ("bright", "i01"), ("dark", "i02"), ("dark", "i04"), ("dark", "i05")}
    assert chosen["miss"] == {("bright", "i05"), ("dark", "i03")}
    assert chosen["error"] == {("bright", "i05"), ("dark", "i03")}
    assert chosen["false_alarm"] == {("odd", "i03")}
    html = whole.page.read_text()
    assert "the label may be <em>wrong</em>" in " ".join(html.split())
    assert html.count('data-plane="green"') == 10  # a picture of the protein for each example
    assert all(len(image["planes"]) == 2 for image in data_of(html)["images"])
    assert html.count("data:image/jpeg;base64,") == 2 + 1  # two maps, and where the script puts the images' own


def test_every_image_is_in_the_table_with_its_answer_and_the_thresholds_of_the_submission(whole):
    table, data = pd.read_csv(whole.table("images"), keep_default_na=False), data_of(whole.page.read_text())
    assert (
        table["Id"].tolist() == [image["id"] for image in data["images"]] == ["i03", "i05", "i00", "i01", "i02", "i04"]
    )
    assert table["mistakes"].tolist() == [2, 1, 0, 0, 0, 0]
    assert table[["given", "true", "missed", "false_alarms"]].to_numpy()[:2].tolist() == [
        ["odd", "dark", "dark", "odd"],
        ["dark", "bright, dark", "bright", ""],
    ]
    assert data["thresholds"] == [0.5] * 3
    assert pd.read_csv(whole.table("labels"))["threshold"].tolist() == [0.5] * 3


def test_neighbours_answers_have_the_thresholds_of_those_that_they_changed(home, tmp_path):
    shutil.copytree(home / "answers", tmp_path / "before")
    folder = tmp_path / "neighbours"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"submission: {tmp_path}/before/submission.csv\n")
    (folder / "thresholds.csv").write_text("threshold,matched\n0.6,2\n")
    answers = pd.read_csv(home / "answers" / "submission.csv", dtype=str)
    answers.loc[0, "Predicted"] = "2"
    answers.to_csv(folder / "submission.csv", index=False)
    words = [f"predictions={home}/test.parquet", f"submission={folder}"]
    start(report.main, *words, f"output={tmp_path}/one")
    html = ReportTree(tmp_path / "one").page.read_text()
    assert data_of(html)["thresholds"] == [0.5] * 3
    assert "In 1 image the answer is not what the thresholds give" in " ".join(html.split())
    (tmp_path / "before" / "thresholds.csv").unlink()
    start(report.main, *words, f"output={tmp_path}/two")
    html = ReportTree(tmp_path / "two").page.read_text()
    assert data_of(html)["thresholds"] is None
    assert "the answer is not what" not in html
    assert "from_threshold" not in pd.read_csv(ReportTree(tmp_path / "two").table("images"))


@needs_browser
@pytest.mark.parametrize("width", [360, 768, 1400])
def test_it_fits_the_screen_and_every_picture_is_there(whole, tmp_path, width):
    pictures = fit(whole.page.read_text(), width, tmp_path)
    assert pictures == whole.page.read_text().count("<img") + len(IDS)  # and those of the table


def test_without_the_truth_the_rest_is_shown_and_the_missing_named(home, tmp_path):
    tree = DataTree(home / "data")
    save_pictures(tree.images("test", 40), len(IDS))
    tree.metadata("test").parent.mkdir(parents=True)
    pd.DataFrame({"Id": IDS}).to_parquet(tree.metadata("test"))
    words = [f"predictions={home}/test.parquet", f"paths.root={home}/data", f"output={tmp_path}"]
    start(report.main, *words, "dataset=test", "image_size=40", "threshold=0.65")
    html = ReportTree(tmp_path).page.read_text()
    table = pd.read_csv(ReportTree(tmp_path).table("labels"))
    assert table["predicted"].tolist() == [2, 3, 0]
    counts = pd.read_csv(ReportTree(tmp_path).table("cooccurrence"), index_col=0)
    assert np.diag(counts).tolist() == [2, 3, 0]
    assert re.findall(r'<h2 id="(\w+)"', html)[:2] == ["summary", "images"]
    missing = html.partition("The report can show more")[2]
    for setting in ("truth=TABLE", "steps=", "runs=[FOLDER,FOLDER]", "run=FOLDER"):
        assert setting in missing
    assert "images=FOLDER" not in missing
    assert "probabilities above 0.65, since no submission was given" in html
    assert set(pd.read_csv(ReportTree(tmp_path).table("examples"))["kind"]) == {"surest"}


@pytest.mark.parametrize(("others", "known"), [(False, True), (True, False)])
def test_a_run_says_by_which_thresholds_the_answers_of_its_table_are(tmp_path, others, known):
    run, _ = save_run(tmp_path / "run", decision=DECISION)  # above 0.5, 0.7 and 0.35
    table = pd.DataFrame(
        {"Id": ["a", "b"], "status": "ok", "bright": [0.6, 0.1], "dark": [0.6, 0.2], "odd": [0.4, 0.3]}
    )
    table["locations"] = ["bright, odd", "dark" if others else "odd"]
    table.to_csv(tmp_path / "result.csv", index=False)
    start(report.main, f"predictions={tmp_path}/result.csv", f"run={run.folder}", f"output={tmp_path}/out")
    labels = pd.read_csv(ReportTree(tmp_path / "out").table("labels"))
    assert (labels["threshold"].tolist() == [0.5, 0.7, 0.35]) if known else ("threshold" not in labels)


def test_a_table_of_predict_is_shown_with_the_answers_that_it_gives(home, tmp_path):
    path = tmp_path / "result.csv"
    pd.DataFrame(
        {"Id": ["a", "b"], "locations": ["x, y, z", "x"], "status": "ok", "x": 0.2, "x, y": [0.4, 0.1], "z": 0.3}
    ).to_csv(path, index=False)
    start(report.main, f"predictions={path}", f"output={tmp_path}/out")
    html = ReportTree(tmp_path / "out").page.read_text()
    assert "the locations in result.csv" in html
    given = pd.read_csv(ReportTree(tmp_path / "out").table("images"))
    assert given.set_index("Id")["given"].to_dict() == {"a": "x, y, z", "b": "x"}
    assert "from_threshold" not in given
    start(report.main, f"predictions={path}", f"output={tmp_path}/half", "threshold=0.25")
    given = pd.read_csv(ReportTree(tmp_path / "half").table("images"), keep_default_na=False)
    assert given.set_index("Id")["given"].to_dict() == {"a": "x, y, z", "b": "z"}
    path.write_text(path.read_text().replace("x, y, z", "x, w"))
    with pytest.raises(SystemExit, match=r"(?s)gives 1 images what is none of its labels:\n  a: w$"):
        start(report.main, f"predictions={path}", f"output={tmp_path}/wrong")


def test_a_folder_is_written_by_one_config_alone(home, tmp_path):
    words, out = [f"predictions={home}/test.parquet", f"output={tmp_path}/out"], ReportTree(tmp_path / "out")
    out.config.mkdir(parents=True)  # the first file, which cannot take this place
    with pytest.raises(SystemExit, match="cannot be written: Is a directory"):
        start(report.main, *words)
    assert [path.name for path in out.folder.iterdir()] == ["config.yaml"]
    out.config.rmdir()
    start(report.main, *words)
    page, config = out.page.read_text(), out.config.read_text()
    with pytest.raises(SystemExit, match=r"(?s)set output=DIR to keep both.*  threshold: None there, 0.65 now$"):
        start(report.main, *words, "threshold=0.65")
    assert (out.page.read_text(), out.config.read_text()) == (page, config)
    out.page.unlink()
    start(report.main, *words, f"paths.outputs={tmp_path}")
    assert out.page.read_text() == page
    out.config.unlink()
    with pytest.raises(SystemExit, match=r"(?s)has no config.yaml to say .*  report.html$"):
        start(report.main, *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["on_failed=skip"], "choose error or drop"),
        (["submission={home}/nothing"], "there is no table .*submission.csv"),
        (["images={home}/train"], "there is no image in"),
        (["dataset=test"], "set image_size, or run"),
        (["dataset=test", "images={home}/mine"], "dataset=test and images are both given: leave one out"),
        (["dataset=tset", "image_size=40"], "dataset=tset: choose train, test, external, valid or null"),
        (["steps=[a]"], "write steps='{{NAME: FOLDER, NAME: FOLDER}}'"),
        (["steps={{a: {home}/mine}}"], "step 'a' has no scores in"),
        (["runs=[{home}/mine]"], "there is no log of a training run"),
        (["run={home}/mine"], "has no checkpoint best.ckpt"),
        (["run={home}/embedder"], "no labels, it is an embedder"),
        (["maps=0"], "maps=0: give a whole number above 0; leave out run to have none"),
        (["pictured=0"], "pictured=0: give a whole number above 0; leave out images and dataset to have none"),
    ],
)
def test_mistakes_end_with_one_message(home, tmp_path, words, message):
    if not RunTree(home / "embedder").checkpoint("best").is_file():
        save_run(home / "embedder", embedder=True)
    given = [word.format(home=home) for word in words]
    with pytest.raises(SystemExit, match=rf"(?s)^error: .*{message.format()}"):
        start(report.main, f"predictions={home}/test.parquet", *given, f"output={tmp_path}/out")
    assert not (tmp_path / "out").exists()
