"""The cells of fields on a page: what is counted, which fields and cells are shown, and in which colours."""

import io

import numpy as np
import pytest
from browser import found, needs_browser
from PIL import Image
from some_answers import bare, pictures, some_cells
from test_figures_page import ROWS, STATUS, Elements, page_of

from hpa_lit.figures import chapters
from hpa_lit.figures.outlines import GRID
from hpa_lit.files import label_image

YELLOW, CYAN, GRAY = "#ffff00", "#00ffff", "#a0a0a0"  # bright is the commonest answer, then the one with odd


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    return some_cells(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def page(cells):
    return page_of(bare(), None, "abd", 1, cells=cells)


def test_cells_are_counted_and_have_the_colours_of_their_answers(cells):
    chapter = chapters.cells(cells, ["a", "b", "d"], pictures("b", "c/ä"))
    counts = {name: chapter.values[name] for name in ("cells", "whole", "fields", "without", "differ")}
    assert counts == {"cells": 6, "whole": 4, "fields": 4, "without": 1, "differ": 2}
    data = chapter.values["data"]
    assert data["answers"] == [["bright", YELLOW], ["bright, odd", CYAN], ["none of those of the field", GRAY]]
    assert {image_id: [cell[:2] for cell in field["cells"]] for image_id, field in data["fields"].items()} == {
        "b": [[1, 1], [2, 2]],
        "c/ä": [[1, 0], [2, 2]],
        "a": [[1, 0], [2, 0]],
        "d": [],
    }
    assert data["fields"]["a"]["grid"] == (round(GRID * 8 / 12), GRID)
    assert data["fields"]["c/ä"]["grid"] is None  # there is no picture of it to draw over
    assert [field["entropy"] for field in data["fields"].values()] == [1, 0.811, 0, None]
    assert chapter.tables["fields"]["Id"].tolist() == ["b", "c/ä", "a", "d"]


def test_fields_that_differ_are_shown_with_their_cells_by_answer(cells):
    image = pictures("b")["b"]
    image[:, 8:] = (0, 200, 0, 0)
    (field,) = chapters.cells(cells, ["b"], {"b": image}).values["drawn"]
    assert field["Id"] == "b"
    shown = [(group["answer"], group["color"], group["cells"], list(group["shown"])) for group in field["groups"]]
    assert shown == [("bright, odd", CYAN, 1, [1]), ("none of those of the field", GRAY, 1, [2])]
    with Image.open(io.BytesIO(field["groups"][1]["shown"][2])) as square:
        middle = np.asarray(square)[square.size[1] // 2, square.size[0] // 2]
    assert middle[1] > 200
    assert middle[[0, 2]].max() < 40


def test_whole_cells_are_shown_before_others_and_a_few_of_each_answer(cells):
    mask = np.kron(np.arange(1, 10, dtype=np.uint16).reshape(3, 3), np.ones((4, 4), np.uint16))
    label_image.write(cells.tree.mask("many"), mask)
    fields = cells.fields[:1].assign(Id="many", cell_count=9)
    rows = [("many", number, "odd", "border" if number in (1, 2) else "") for number in range(1, 10)]
    many = type(cells)(cells.tree, fields, type(fields)(rows, columns=list(cells.cells)), None)
    (field,) = chapters.cells(many, ["many"], {"many": np.zeros((12, 12, 4), np.uint8)}).values["drawn"]
    assert [list(group["shown"]) for group in field["groups"]] == [[3, 4, 5, 6, 7, 8]]
    assert field["groups"][0]["cells"] == 9


def test_the_page_says_how_many_and_how_good_and_names_each_cell(page):
    elements = Elements(page)
    text = " ".join("".join(elements.text).split())
    assert "6 cells were found in 4 fields; in 1 of them there is none. In 2 fields (50 %), cells differ." in text
    assert "3 fields with 7 cells, 6 found: segmentation precision 0.750 at an overlap of 0.5" in text
    assert "in 20 to 80 % of a field's whole cells" in text
    assert "b of its whole cells: bright 0.50, odd 0.50; entropy 1.00" in text
    squares = [image["alt"] for image in elements.of("img") if image["alt"].startswith("cell ")]
    assert squares == ["cell 1: bright, odd", "cell 2: none of those of the field"]  # c/ä has no picture here
    assert "tables/fields.csv" in text


@needs_browser
def test_the_larger_view_has_outlines_in_colours_and_lists_the_cells(page, tmp_path):
    script = f"""const look = () => ({{
            list: [...document.querySelectorAll("#view .cells li")].map(it => it.textContent.trim()),
            swatches: [...document.querySelectorAll("#view .swatch")].map(it => getComputedStyle(it).backgroundColor),
            strokes: [...document.querySelectorAll("#view path")].map(it => getComputedStyle(it).stroke),
            numbers: [...document.querySelectorAll("#view text")].map(it => it.textContent),
            boxes: [...document.querySelectorAll("#view path, #view .large")].map(it => {{
                const {{left, right, top, bottom}} = it.getBoundingClientRect();
                return [left, right, top, bottom];
            }}),
            seen: getComputedStyle(document.querySelector("#view svg") ?? document.body).display,
        }});
        await settled();
        const first = look();
        document.querySelector("#view .outline-switch").click();
        const bare = [look().seen, [...document.querySelectorAll(".outline-switch")].map(it => it.ariaPressed)];
        location.hash = "#image=d";
        await settled();
        const none = document.querySelector("#view-pictures .absent").textContent;
        location.hash = "#image=" + encodeURIComponent("c/ä");
        await settled();
        const listed = look();
        location.hash = "#images?differ=";
        await settled();
        const differ = [{ROWS}, {STATUS}];
        document.querySelector("#all").click();
        const head = document.querySelector("#image-table [data-column=entropy] button");
        head.click();
        const order = {ROWS};
        return {{first, bare, none, listed, differ, order}};"""
    seen = found(page, script, tmp_path, "#image=b")
    first = seen["first"]
    assert first["list"] == ["bright, odd cell 1", "none of those of the field cell 2"]
    assert first["swatches"] == first["strokes"] == ["rgb(0, 255, 255)", "rgb(160, 160, 160)"]
    assert first["numbers"] == ["1", "2"]
    large, *outlines = first["boxes"]
    left, right, top, bottom = large
    third, sixth = (right - left) / 3, (bottom - top) / 6  # the picture is 12 x 8, black above and below it
    expected = [[left, left + third, top + sixth, bottom - sixth], [right - third, right, top + sixth, bottom - sixth]]
    np.testing.assert_allclose(outlines, expected, atol=5)
    assert seen["bare"] == ["none", ["false", "false"]]
    assert seen["none"] == "No cell: there is no mask"
    assert seen["listed"]["list"] == ["bright cell 1", "none of those of the field cell 2"]
    assert seen["listed"]["strokes"] == []
    assert seen["differ"] == [["b", "c/ä"], "2 of 4 images: cells differ"]
    assert seen["order"] == ["b", "c/ä", "a", "d"]
