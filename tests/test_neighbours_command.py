"""The command neighbours, on the reference's features."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa_lit import neighbours
from hpa_lit.files import prediction_file
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.tree import AnswerTree
from hpa_lit.labels import decode, encode_all
from hpa_lit.results import submission
from hpa_lit.stages.corrections import merge


def save(path, ids, features):
    order = np.argsort(ids)
    file = Predictions(
        ids=tuple(np.asarray(ids)[order].tolist()),
        status=("ok",) * len(ids),
        views=("default",),
        labels=(),
        probabilities=np.empty((len(ids), 1, 0), np.float32),
        run="face",
        fold=None,
        dataset="x",
        checkpoint="",
        features=features[order][:, None],
    )
    prediction_file.write(path, file)


@pytest.fixture
def arrays(golden):
    return np.load(golden / "retrieval.npz")


@pytest.fixture
def run(golden, arrays, tmp_path, monkeypatch):
    """Run the command on the reference's queries and gallery, their tables where preparation leaves them."""
    data, out = DataTree(tmp_path / "data"), AnswerTree(tmp_path / "found")
    tables = {
        "gallery_meta": (data.corrected, data.antibody_split("before", "train")),
        "val_meta": (data.antibody_split("before", "valid"),),
        "test_leak_meta": (data.leak,),
    }
    for name, places in tables.items():
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            pd.read_csv(golden / f"retrieval_{name}.csv").to_parquet(place)
    save(tmp_path / "queries.parquet", arrays["query_ids"], arrays["query_features"])
    save(tmp_path / "gallery.parquet", arrays["gallery_ids"], arrays["gallery_features"])

    def start(*words):
        places = {
            "queries": tmp_path / "queries.parquet",
            "gallery": tmp_path / "gallery.parquet",
            "output": out.folder,
        }
        given = {word.split("=")[0] for word in words}
        paths = [f"paths.root={data.root}", *(f"{key}={place}" for key, place in places.items() if key not in given)]
        monkeypatch.setattr(sys, "argv", ["hpa-lit neighbours", *paths, *words])
        neighbours.main()
        folders = [word.removeprefix("output=") for word in words if word.startswith("output=")]
        return AnswerTree(Path(folders[0])) if folders else out

    return start


@pytest.mark.parametrize(("options", "case"), [(["set=validation"], "val"), ([], "test")])
def test_tables_equal_the_reference(run, golden, options, case):
    out = run(*options)
    found = pd.read_csv(out.neighbours).pivot(index="Id", columns="rank")
    expected = pd.read_csv(golden / f"retrieval_{case}_top3.csv").set_index("Id").loc[found.index]
    assert found["neighbour"].to_numpy().tolist() == expected[["top1", "top2", "top3"]].to_numpy().tolist()
    np.testing.assert_allclose(found["score"], expected[["top1_score", "top2_score", "top3_score"]], atol=1e-6)
    table = pd.read_csv(out.thresholds)
    expected = pd.DataFrame(json.loads((golden / "retrieval.json").read_text())[case]["thresholds"])
    assert table.matched.tolist() == expected["count"].tolist()
    assert table.same_antibody.tolist() == expected.match_num.tolist()
    assert table.correct.tolist() == expected.correct_num.tolist()
    np.testing.assert_allclose(table.f1, expected.f1, atol=1e-9)


def test_validation_searches_the_listed_queries_only(run, arrays, tmp_path):
    # One file of features for both sides, as the external images have.
    both = np.concatenate([arrays["query_ids"], arrays["gallery_ids"]])
    save(tmp_path / "all.parquet", both, np.concatenate([arrays["query_features"], arrays["gallery_features"]]))
    alone = pd.read_csv(run("set=validation").neighbours)
    words = [f"queries={tmp_path}/all.parquet", f"gallery={tmp_path}/all.parquet", f"output={tmp_path}/again"]
    found = run("set=validation", *words)
    pd.testing.assert_frame_equal(pd.read_csv(found.neighbours), alone)


def test_answers_above_the_threshold_are_replaced(run, golden, arrays, tmp_path):
    before = pd.DataFrame({"Id": arrays["query_ids"], "Predicted": "27"})
    before.to_csv(tmp_path / "before.csv", index=False)
    out = run(f"submission={tmp_path}/before.csv", "threshold=0.65")
    after = submission.read_submission(out.submission).set_index("Id").Predicted
    match = pd.read_csv(golden / "retrieval_test_match_th0.65.csv").set_index("Id").train_target
    assert after.index.tolist() == before.Id.tolist()
    assert after[match.index].tolist() == match.tolist()
    assert set(after.drop(match.index)) == {"27"}
    changes = pd.read_csv(out.changes).set_index("label")
    assert changes.before["Rods & rings"] == 200
    assert changes.after["Rods & rings"] == 200 - changes.decrease["Rods & rings"] + changes.increase["Rods & rings"]
    assert changes.increase["Cytosol"] == match.str.split().map(lambda words: "25" in words).sum()


def test_a_threshold_chosen_by_labelled_images_and_scored(run, golden, arrays, tmp_path):
    # The first half of the queries has labels, those of their match for the 60 that are most alike, else wrong ones.
    first, second = np.split(np.arange(len(arrays["query_ids"])), 2)
    save(tmp_path / "labelled.parquet", arrays["query_ids"][first], arrays["query_features"][first])
    save(tmp_path / "rest.parquet", arrays["query_ids"][second], arrays["query_features"][second])
    words = [f"queries={tmp_path}/labelled.parquet", "k=1"]
    best = pd.read_csv(run(*words, f"output={tmp_path}/first").neighbours).sort_values("score", ascending=False)
    right = np.arange(len(best)) < 60
    labels = best[["Id"]].assign(Target=np.where(right, best.Target, "8 9 10"))
    labels.to_csv(tmp_path / "labels.csv", index=False)
    before = pd.DataFrame({"Id": arrays["query_ids"][second], "Predicted": "27"})
    before.to_csv(tmp_path / "before.csv", index=False)
    truth = before.rename(columns={"Predicted": "Target"}).assign(Target="0")
    truth.to_csv(tmp_path / "truth.csv", index=False)
    words = [f"queries={tmp_path}/rest.parquet", "k=1", f"labelled={tmp_path}/labelled.parquet"]
    words += [f"labels={tmp_path}/labels.csv", f"submission={tmp_path}/before.csv", f"truth={tmp_path}/truth.csv"]
    out = run(*words, "threshold=auto", "precision=1.0")

    chosen = best.score.iloc[60]
    match = pd.read_csv(out.neighbours).set_index("Id")
    after = submission.read_submission(out.submission).set_index("Id").Predicted
    taken = match.score > chosen
    assert 0 < taken.sum() < len(taken)
    assert (after[taken[taken].index] == match.Target[taken]).all()
    assert set(after[taken[~taken].index]) == {"27"}
    scores = json.loads(out.scores.read_text())["scores"]
    given = encode_all(after.tolist())[:, 0]
    assert scores["macro_f1"] == pytest.approx(2 * given.sum() / (given.sum() + len(given)))  # one label has a truth
    assert scores["macro_f1_all"] == pytest.approx(scores["macro_f1"] / 28)


def test_the_corrected_table_stands_for_correcting_once_more():
    # The reference corrects a neighbour's Target again when it replaces an answer; the gallery's is corrected already.
    rng = np.random.default_rng(0)
    for row in rng.integers(0, 2, (200, 2, 28)) * (rng.random((200, 2, 28)) < 0.3):
        old, new = (decode(labels) or "9" for labels in row)
        assert merge(merge(old, new), new) == merge(old, new)


def test_queries_unlike_the_atlas_are_flagged(run, arrays, tmp_path):
    rng = np.random.default_rng(0)
    strange = rng.standard_normal((40, 64)).astype(np.float32)
    familiar = arrays["gallery_features"][:40] + 0.1 * rng.standard_normal((40, 64)).astype(np.float32)
    names = [f"strange{n}" for n in range(40)] + [f"familiar{n}" for n in range(40)]
    save(tmp_path / "mine.parquet", names, np.concatenate([strange, familiar]))
    held_out = arrays["gallery_features"][:300] + 0.3 * rng.standard_normal((300, 64)).astype(np.float32)
    save(tmp_path / "held_out.parquet", [f"h{n}" for n in range(300)], held_out)
    out = run(f"queries={tmp_path}/mine.parquet", f"held_out={tmp_path}/held_out.parquet", "standardise=gallery", "k=1")
    found = pd.read_csv(out.neighbours).set_index("Id").novel
    assert found[names[:40]].mean() > 0.9
    assert not found[names[40:]].any()


def test_a_folder_is_written_by_one_config_alone(run, arrays, tmp_path, capsys):
    pd.DataFrame({"Id": arrays["query_ids"], "Predicted": "27"}).to_csv(tmp_path / "before.csv", index=False)
    out = run(f"submission={tmp_path}/before.csv")
    files = contents(out.folder)
    said = capsys.readouterr().out
    with pytest.raises(SystemExit) as refused:
        run(f"submission={tmp_path}/before.csv", "threshold=0.7")
    assert "set output=DIR to keep both" in str(refused.value)
    assert str(refused.value).splitlines()[1:] == ["  threshold: 0.65 there, 0.7 now"]
    assert capsys.readouterr().out == ""
    assert contents(out.folder) == files
    # What is no part of the answer may differ.
    run(f"submission={tmp_path}/before.csv", "workers=1", f"paths.outputs={tmp_path}")
    assert capsys.readouterr().out == said
    assert {path for path in contents(out.folder) if path != out.config} == files.keys() - {out.config}
    out.config.unlink()
    with pytest.raises(SystemExit, match=r"(?s)has no config.yaml to say .* set output=DIR .*submission.csv"):
        run(f"submission={tmp_path}/before.csv")
    assert not out.config.exists()


def test_the_config_is_the_first_file_and_the_submission_the_last(run, arrays, tmp_path):
    table = pd.DataFrame({"Id": arrays["query_ids"], "Predicted": "27", "Target": "0"})
    table[["Id", "Predicted"]].to_csv(tmp_path / "before.csv", index=False)
    table[["Id", "Target"]].to_csv(tmp_path / "truth.csv", index=False)
    words = [f"submission={tmp_path}/before.csv", f"truth={tmp_path}/truth.csv"]
    out = run(*words)
    config, files = out.config.read_text(), {path.name for path in out.folder.iterdir()}
    shutil.rmtree(out.folder)
    out.config.mkdir(parents=True)  # which no file can take the place of
    with pytest.raises(SystemExit, match="cannot be written: Is a directory"):
        run(*words)
    assert [path.name for path in out.folder.iterdir()] == ["config.yaml"]
    out.config.rmdir()
    out.config.write_text(config)
    out.submission.mkdir()
    with pytest.raises(SystemExit, match="cannot be written: Is a directory"):
        run(*words)
    assert {path.name for path in out.folder.iterdir()} == files


def test_a_mistake_leaves_the_folder_free(run, arrays, tmp_path):
    pd.DataFrame({"Id": arrays["query_ids"][1:], "Predicted": "27"}).to_csv(tmp_path / "short.csv", index=False)
    for name in ("none", "short"):
        with pytest.raises(SystemExit):
            run(f"submission={tmp_path}/{name}.csv")
    assert run().neighbours.is_file()


def contents(folder):
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["set=training"], "choose test or validation"),
        (["queries={tmp}/gallery.parquet"], "700 queries are in the gallery too"),
        (["k=701"], "gallery of 700 images"),
        (["gallery={tmp}/queries.parquet"], "lacks 700 images"),
        (["gallery_table={tmp}/none.parquet"], "there is no table"),
        (["queries={tmp}/narrow.parquet"], "queries have 5 features and the gallery 64"),
        (["standardise=query"], "standardise=query: choose each, gallery or null"),
        (["threshold=auto"], "set labelled=FILE"),
        (["threshold=auto", "labelled={tmp}/gallery.parquet"], "700 queries are in the gallery too"),
    ],
)
def test_mistakes_end_with_one_message(run, tmp_path, words, message):
    save(tmp_path / "narrow.parquet", ["a", "b"], np.eye(2, 5, dtype=np.float32))
    with pytest.raises(SystemExit, match=r"(?s)^error: .*" + message):
        run(*(word.format(tmp=tmp_path) for word in words))
    assert not (tmp_path / "found" / "neighbours.csv").exists()
