"""Chapters of a report: what is counted and drawn, and what is left out because there is nothing to draw."""

import base64
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from some_answers import GIVEN, IDS, NAMES, PROBS, TRUTH, bare, judged, pictures

from hpa_lit.figures import chapters
from hpa_lit.figures.chapters.chapter import file_name
from hpa_lit.figures.pictures import SIDE, shrunk
from hpa_lit.results import examples
from hpa_lit.synthetic import draw_field


def test_the_verdict_counts_what_is_right_and_names_what_is_not():
    answers = judged()
    scores, confusion = chapters.scores(answers), chapters.confusion(answers)
    found = chapters.verdict(answers, scores, confusion).values
    assert (found["hits"], found["misses"], found["false_alarms"], found["right"]) == (3, 2, 2, 2)
    assert [(row["label"], row["false_alarms"]) for row in found["alarms"]] == [("bright", 1), ("odd", 1)]
    assert found["confused"] == []  # no pair twice
    assert found["best"] == found["worst"] == []  # every label is rare
    assert found["overruled"] == 0


def test_best_and_worst_are_common_labels_and_the_commonest_confusion_is_named():
    rng = np.random.default_rng(0)
    truth = np.zeros((60, 4), np.uint8)
    truth[np.arange(60), np.arange(60) % 3] = 1
    truth[0, 3] = 1  # rare, and always right
    given = truth.copy()
    given[[1, 4, 7]] = [0, 0, 1, 0]  # three of label 1 are taken for 2
    answers = type(judged())(
        ids=tuple(map(str, range(60))),
        names=tuple("wxyz"),
        probs=rng.random((60, 4)),
        given=given,
        thresholds=None,
        truth=truth,
    )
    found = chapters.verdict(answers, chapters.scores(answers), chapters.confusion(answers)).values
    assert [row["label"] for row in found["best"]] == ["w"]
    assert [(row["label"], row["number"]) for row in found["worst"]] == [("x", 1)]
    assert found["confused"] == [{"missed": 1, "given": 2, "images": 3, "of": 20}]


def test_labels_have_hits_misses_and_false_alarms_and_their_thresholds():
    chapter = chapters.scores(judged())
    table = chapter.tables["labels"].set_index("label")
    assert table[["hits", "misses", "false_alarms"]].to_numpy().tolist() == [[2, 0, 1], [1, 2, 0], [0, 0, 1]]
    assert table["threshold"].tolist() == [0.6, 0.5, 0.5]
    assert (table["hits"] + table["misses"] == table["support"]).all()
    assert (table["hits"] + table["false_alarms"] == table["predicted"]).all()
    assert chapter.values["absent"] == ["odd"]
    counts = chapters.counts(bare()).tables["labels"]
    assert counts["predicted"].tolist() == [3, 1, 1]
    assert counts["threshold"].tolist() == [0.6, 0.5, 0.5]


def test_confusion_is_a_part_of_the_images_of_a_row():
    rows = dict(chapters.confusion(judged()).values["rows"])
    assert rows["bright"] == [(2, 1.0), (0, 0), (0, 0), (0, 0)]
    assert rows["dark"] == [(1, pytest.approx(1 / 3)), (1, pytest.approx(1 / 3)), (1, pytest.approx(1 / 3)), (0, 0)]
    assert rows["odd"] == [(0, 0)] * 4
    assert rows["nothing missed"] == [(0, 0), (0, 0), (0, 0), (2, 0.5)]


def test_cooccurrence_is_a_part_of_the_images_given_a_label():
    rows = dict(chapters.cooccurrence(bare()).values["rows"])
    assert rows["bright"] == [(3, 1.0), (0, 0), (1, pytest.approx(1 / 3))]


def test_a_matrix_shows_the_labels_that_are_there():
    answers = judged()
    assert chapters.confusion(answers).values["shown"] == [0, 1, 2]
    rare = replace(answers, given=answers.given * [1, 0, 0], truth=answers.truth * [1, 1, 0])
    assert chapters.confusion(rare).values["shown"] == [0, 1]
    assert chapters.cooccurrence(rare).values["shown"] == [0]
    assert chapters.cooccurrence(replace(rare, given=rare.given * 0)).values["shown"] == [0, 1, 2]


def test_every_image_has_its_answer_and_some_their_planes():
    answers = judged()
    found = examples.choose(TRUTH, PROBS, GIVEN, IDS, NAMES)
    image = pictures("b")
    image["b"][:, :, 0] = 0
    image["b"][0, 0, 0] = 9  # one bright pixel of a nearly blank plane
    data = chapters.images(answers, found, image).values["data"]
    assert [image["id"] for image in data["images"]] == ["b", "c/ä", "a", "d"]
    first = data["images"][0]
    assert (first["probs"], first["given"], first["true"]) == ([800, 300, 600], [0, 2], [0, 1])
    assert data["images"][2]["planes"] is None
    color, yellow = (Image.open(io.BytesIO(base64.b64decode(plane))) for plane in first["planes"])
    assert (color.size, color.mode, yellow.mode) == ((12, 8), "RGB", "L")
    pixels = np.asarray(color)
    assert pixels[5, 5, 0] < 80  # at most eightfold
    assert (abs(pixels[5, 5, 1:].astype(int) - 255) < 6).all()
    gone = {"b": np.zeros((8, 12, 4), np.uint8)}
    assert len(chapters.images(bare(), found[:0], gone).values["data"]["images"][1]["planes"]) == 1  # no yellow


def test_a_hundred_and_sixty_drawn_pictures_take_less_than_four_megabytes():
    fields = [draw_field([label], 256, np.random.default_rng([0, label])) for label in (0, 7, 14, 25)]
    shown = {image_id: shrunk(field, SIDE) for image_id, field in zip(IDS, fields, strict=True)}
    found = examples.choose(TRUTH, PROBS, GIVEN, IDS, NAMES)
    images = chapters.images(judged(), found, shown).values["data"]["images"]
    assert np.mean([sum(map(len, image["planes"])) for image in images]) < 4e6 / 160


def test_examples_show_each_kind_and_skip_labels_without_an_image():
    rows = [("dark", "hit", "a", 0.9), ("dark", "hit", "b", 0.8), ("dark", "hit", "d", 0.7), ("dark", "miss", "d", 0.1)]
    found = pd.DataFrame(rows, columns=["label", "kind", "Id", "probability"])
    image = np.full((64, 64, 3), (200, 0, 0), np.uint8)
    chapter = chapters.examples(judged(), found, dict.fromkeys("abd", image), most=2)
    first, second, _ = chapter.values["labels"]
    assert first == {"name": "bright", "number": 0, "groups": []}
    assert [(group["kind"], group["total"], len(group["images"])) for group in second["groups"]] == [
        ("hit", 3, 2),
        ("miss", 1, 1),
    ]
    assert list(chapter.pictures) == ["sheet_01_dark"]
    with Image.open(io.BytesIO(chapter.pictures["sheet_01_dark"])) as sheet:
        assert (np.asarray(sheet) == (200, 0, 0)).all(axis=2).sum() == 3 * 64 * 64  # the composites, as they are


def test_classifiers_and_embedders_have_curves_of_their_own(tmp_path):
    for name, columns in (("classifier", "valid/focal,valid/macro_f1"), ("embedder", "valid/top1,valid/map5")):
        log = f"epoch,lr,step,train/loss,valid/loss,{columns}\n1.0,,7,,3.0,0.5,0.5\n1.0,0.1,7,2.0,,,\n2.0,,9,,1.5,1,1\n"
        (tmp_path / f"{name}.csv").write_text(log)
    found = chapters.training({name: [tmp_path / f"{name}.csv"] for name in ("classifier", "embedder")})
    names = {"classifier_loss", "classifier_focal", "classifier_macro_f1", "classifier_lr"}
    names |= {"embedder_loss", "embedder_map5", "embedder_lr"}
    assert set(found.pictures) == {f"training_{name}" for name in names}
    assert found.tables["training"]["run"].unique().tolist() == ["classifier", "embedder"]
    assert found.values["figures"][0]["runs"] == "classifier from 3 to 1.5"


def test_file_names_hold_no_path():
    assert file_name(27, "Rods & rings") == "27_Rods_rings"
    assert file_name(0, "../x/y") == "00_x_y"
