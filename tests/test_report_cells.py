"""The command report with the cells of fields: the page of real files, and what it refuses."""

import json
import re
import sys
from collections import Counter
from html import unescape

import numpy as np
import pandas as pd
import pytest
from browser import fit, needs_browser
from small_run import DECISION, LABELS, save_run

from hpa_lit import cells, report
from hpa_lit.figures.outlines import COLORS, GRID, NO_ANSWER
from hpa_lit.files import label_image, prediction_file, rgby
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.tree import ReportTree
from hpa_lit.inference import answered
from hpa_lit.synthetic.field import draw_cells

SIDE, IDS = 160, ["f0", "f1", "f2"]
CORNERS = [(10, 10), (10, 90), (90, 10), (90, 90)]  # of four cells of 50 pixels


def start(main, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hpa-lit", *words])
        main()


def four_cells():
    mask = np.zeros((SIDE, SIDE), np.uint16)
    for number, (top, left) in enumerate(CORNERS, 1):
        mask[top : top + 50, left : left + 50] = number
    return mask


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two fields of four cells, and one without; two cells of f0 are given bright, and two are not."""
    home = tmp_path_factory.mktemp("cells")
    save_run(home / "run", decision=DECISION, image_size=128, crop_size=64)
    (home / "hidden" / "cells").mkdir(parents=True)
    for number, image_id in enumerate(IDS):
        field = draw_cells([0, 25], SIDE, np.random.default_rng([4, number]))
        rgby.write(home / "fields" / f"{image_id}.tif", field.image, image_id)
        label_image.write(home / "hidden" / "cells" / f"{image_id}.tif", four_cells() * (number < 2))
    rows = [(image_id, cell, "0" if cell == 1 else "") for image_id in IDS[:2] for cell in range(1, 5)]
    pd.DataFrame(rows, columns=["Id", "cell", "Target"]).to_csv(home / "hidden" / "cells.csv", index=False)
    table = pd.DataFrame({"Id": IDS, "bright": 0.99, "dark": 0.99, "odd": 0.01})
    table.to_csv(home / "gate.csv", index=False)
    words = [f"run={home}/run", f"images={home}/fields", f"masks={home}/hidden/cells", "trainer=cpu", "workers=1"]
    words += [f"gate={home}/gate.csv", f"truth={home}/hidden", f"paths.outputs={home}"]
    with pytest.raises(SystemExit):  # f2 has no cells
        start(cells.main, *words, f"out={home}/first", "outlines=false")
    alone = answered(prediction_file.read(CellTree(home / "first").cells), DECISION).probabilities
    threshold = float(np.sort(alone[:4, LABELS.index("bright")])[1:3].mean())
    with pytest.raises(SystemExit):
        start(cells.main, *words, f"out={home}/out", f"threshold={threshold}", "outlines=false")
    table[["Id"]].assign(Target=["0", "1", "2"]).to_csv(home / "truth.csv", index=False)
    return home


def made(home, out, *words):
    start(
        report.main,
        f"predictions={home}/out/fields.csv",
        f"images={home}/fields",
        f"cells={home}/out",
        *words,
        f"output={out}",
    )
    return ReportTree(out)


@pytest.fixture(scope="module")
def bare(home):
    return made(home, home / "bare")


@pytest.fixture(scope="module")
def judged(home):
    return made(home, home / "judged", f"truth={home}/truth.csv", f"run={home}/run", "maps=1")


def words_of(html):
    shown = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(shown).split())


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="cell-data">(.*?)</script>', html, re.DOTALL)[1])


def answers(home):
    """What cells.csv says of each cell, by its field and number."""
    table = pd.read_csv(home / "out" / "cells.csv", keep_default_na=False)
    return {(row["field"], row["cell_number"]): row["locations"] for row in table.to_dict("records")}


def test_half_of_the_cells_of_a_field_are_bright(home):
    """Or this file would test little."""
    fields = pd.read_csv(home / "out" / "fields.csv").set_index("Id")
    assert fields.loc["f0", "cells_differ"]
    assert "bright 0.50" in fields.loc["f0", "cell_shares"]
    assert fields["cell_count"].tolist() == [4, 4, 0]


def test_the_page_counts_cells_and_says_their_scores(home, bare):
    fields = pd.read_csv(home / "out" / "fields.csv")
    scores = json.loads((home / "out" / "scores.json").read_text())
    text, differ = words_of(bare.page.read_text()), int(fields["cells_differ"].sum())
    assert "8 cells were found in 3 fields; in 1 of them there is none. In" in text
    assert f"In {differ} field{'s' * (differ > 1)} ({100 * differ / 3:.0f} %), cells differ" in text
    assert f"segmentation precision {scores['segmentation_precision']:.3f} right cells" in text
    assert "2 fields with 8 cells, 8 found: segmentation precision 1.000 at an overlap of 0.5, mean average" in text
    assert f"mean average precision of cells {scores['mean_average_precision']:.3f} at 0.6" in text


@pytest.mark.parametrize("kind", ["bare", "judged"])
def test_cells_come_before_the_images_with_and_without_the_truth(kind, request):
    html = request.getfixturevalue(kind).page.read_text()
    chapters = re.findall(r'<h2 id="(\w+)"', html)
    assert chapters[0] == {"bare": "summary", "judged": "verdict"}[kind]
    assert chapters[chapters.index("cells") + 1] == "images"
    assert ("activations" in chapters) == (kind == "judged")
    assert "cells=FOLDER of hpa-lit cells" not in html


def test_every_cell_has_its_answer_and_an_outline_in_its_colour(home, bare):
    data, said = data_of(bare.page.read_text()), answers(home)
    assert set(data["fields"]) == set(IDS)
    for image_id, field in data["fields"].items():
        assert [cell[0] for cell in field["cells"]] == [number for of, number in said if of == image_id]
        for number, answer, column, row, path in field["cells"]:
            words = ", ".join(sorted(filter(None, said[image_id, number].split(", "))))  # as the labels are ordered
            assert data["answers"][answer][0] == (words or "none of those of the field")
            top, left = np.array(CORNERS[number - 1]) * GRID / SIDE
            points = np.array(re.findall(r"\d+", path), int).reshape(-1, 2)
            box = [*points.min(axis=0), *points.max(axis=0)]
            np.testing.assert_allclose(box, [left, top, left + 124, top + 124], atol=1)
            np.testing.assert_allclose([column, row], [left + 62, top + 62], atol=1)
    counts = Counter(", ".join(sorted(words.split(", "))) for words in said.values() if words)
    commonest = min(counts, key=lambda words: (-counts[words], words))
    colors = dict(data["answers"])
    assert colors[commonest] == "#{:02x}{:02x}{:02x}".format(*COLORS[0])
    assert colors["none of those of the field"] == "#{:02x}{:02x}{:02x}".format(*NO_ANSWER)


def test_fields_whose_cells_differ_are_shown_with_each_cell(home, bare):
    html, said = bare.page.read_text(), answers(home)
    table = pd.read_csv(home / "out" / "fields.csv").sort_values("cell_entropy", ascending=False, kind="stable")
    varied = table["Id"][table["cell_entropy"] > 0].tolist()
    articles = re.findall(r'<article class="field">(.*?)</article>', html, re.DOTALL)
    assert [re.search(r"<code>(.*?)</code>", article)[1] for article in articles] == varied
    for image_id, article in zip(varied, articles, strict=True):
        shown = dict(re.findall(r'alt="cell (\d+): (.*?)"', article))
        assert {int(number) for number in shown} == {1, 2, 3, 4}
        for number, answer in shown.items():
            words = set(filter(None, said[image_id, int(number)].split(", ")))
            assert set(answer.split(", ")) == (words or {"none of those of the field"})


def test_the_table_of_fields_lies_beside_the_page(home, bare):
    table = pd.read_csv(bare.table("fields"), keep_default_na=False).set_index("Id")
    expected = pd.read_csv(home / "out" / "fields.csv", keep_default_na=False).set_index("Id")
    columns = ["cell_count", "cell_shares", "cells_differ", "remark"]
    pd.testing.assert_frame_equal(table.loc[IDS, columns], expected.loc[IDS, columns])
    assert table["cell_entropy"].tolist() == sorted(table["cell_entropy"], reverse=True)
    assert table.index[-1] == "f2"
    assert expected.loc["f2", "remark"] in data_of(bare.page.read_text())["fields"]["f2"]["remark"]


@needs_browser
@pytest.mark.parametrize("width", [360, 768, 1400])
def test_it_fits_the_screen(judged, tmp_path, width):
    html = judged.page.read_text()
    assert fit(html, width, tmp_path) == html.count("<img") + len(IDS)


def test_a_page_of_cells_is_of_reasonable_size(bare):
    assert bare.page.stat().st_size < 400_000  # three pictures at 20 kB, and two fields with their cells


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cells={home}/hidden"], r"cells=.*/hidden has no fields.csv: give the folder that hpa-lit cells made"),
        (["cells={home}/none"], r"cells=.*/none has no fields.csv and no cells.csv: give the folder"),
        (
            ["cells={home}/out", "predictions={home}/others.csv"],
            r"cells=.*/out has no cells of 2 images of predictions=.*/others.csv: "
            r"give the cells of the same fields, or predictions=.*/out/fields.csv\n  g\n  h$",
        ),
        (
            ["cells={home}/out", "images=null"],
            r"cells=.*/out are shown in the pictures of their fields: give images=DIR",
        ),
        (["cells={home}/lost"], r"lost/masks/f0.tif does not exist"),
    ],
)
def test_mistakes_end_with_one_message(home, tmp_path, words, message):
    pd.DataFrame({"Id": ["f0", "g", "h"], "bright": 0.5}).to_csv(home / "others.csv", index=False)
    lost = home / "lost"
    lost.mkdir(exist_ok=True)
    for name in ("fields", "cells"):
        (lost / f"{name}.csv").write_text((home / "out" / f"{name}.csv").read_text())
    given = [word.format(home=home) for word in words]
    usual = [f"predictions={home}/out/fields.csv"] * (not any(word.startswith("predictions") for word in given))
    usual += [f"images={home}/fields"] * ("images=null" not in given)
    with pytest.raises(SystemExit, match=rf"(?s)^error: .*{message}"):
        start(report.main, *usual, *given, f"output={tmp_path}/page")
    assert not (tmp_path / "page").exists()
