"""The page: as text, to readers who cannot see it or use a keyboard, and in a browser that sorts and filters it."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from browser import found, needs_browser
from some_answers import IDS, TRUTH, bare, judged, pictures, some_cells

from hpa_lit.figures import chapters
from hpa_lit.figures.page import number, render
from hpa_lit.results import examples
from hpa_lit.results.answers import Answers

VOID = {"br", "img", "input", "line", "link", "meta", "fecolormatrix", "circle"}


def page_of(answers, truth=None, shown=(), most=3, log=None, cells=None):
    """A page with all the chapters that these answers, a training log and cells have."""
    chosen = examples.choose(truth, answers.probs, answers.given, answers.ids, answers.names)
    shown = pictures(*shown)
    images = {"images": chapters.images(answers, chosen, shown)}
    if cells:
        images = {"cells": chapters.cells(cells, shown, pictures(*cells.varied(2)))} | images
    if shown:
        images["examples"] = chapters.examples(answers, chosen, shown, most)
    if truth is None:
        parts = {"summary": chapters.summary(answers), **images}
        parts |= {"counts": chapters.counts(answers), "cooccurrence": chapters.cooccurrence(answers)}
    else:
        scores, confusion = chapters.scores(answers), chapters.confusion(answers)
        parts = {"verdict": chapters.verdict(answers, scores, confusion), "scores": scores, "confusion": confusion}
        parts |= {**images, "calibration": chapters.calibration(answers)}
        parts["precision_recall"] = chapters.precision_recall(answers, scores.tables["labels"])
    if log:
        log.write_text("epoch,lr,step,train/loss,valid/loss,valid/macro_f1\n1.0,,7,,3.0,0.5\n1.0,0.1,7,2.0,,\n")
        parts["training"] = chapters.training({"run": [log]})
        seen = [(np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8), np.float32))]
        parts["activations"] = chapters.activations(chosen[:1], seen)
    return render("Report on a & b", parts, [("predictions", "<i>")], [("scores", "truth=TABLE")])


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "metrics.csv"
    cells = some_cells(tmp_path_factory.mktemp("cells"))
    return {
        "judged": page_of(judged(), TRUTH, IDS, log=log),
        "bare": page_of(bare(), None, "abd", 1, log),
        "cells": page_of(judged(), TRUTH, IDS, cells=cells),
    }


@pytest.fixture(scope="module")
def page(pages):
    return pages["judged"]


class Elements(HTMLParser):
    """The elements of a page: tag, attributes, and the tags around each."""

    def __init__(self, html):
        super().__init__()
        self.around, self.all, self.text = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.all.append((tag, dict(attributes), tuple(self.around)))
        if tag not in VOID:
            self.around.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.all.append((tag, dict(attributes), tuple(self.around)))

    def handle_endtag(self, tag):
        assert self.around.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.around):
            self.text.append(data)

    def of(self, *tags):
        return [attributes for tag, attributes, _ in self.all if tag in tags]


def test_names_are_text_and_no_markup():
    name = "<script>x</script>"
    given = np.array([[1], [0]], np.uint8)
    answers = Answers(ids=("</script><b>", "b"), names=(name,), probs=given * 0.5, given=given, thresholds=None)
    html = page_of(answers)
    assert name not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "</script><b>" not in html
    assert "<title>Report on a &amp; b</title>" in html
    assert "<dd>&lt;i&gt;</dd>" in html


def test_numbers_that_are_none_are_a_dash():
    assert (number(0.126), number(2, 0), number(float("nan"))) == ("0.13", "2", "\N{EN DASH}")


@pytest.mark.parametrize("kind", ["judged", "bare", "cells"])
def test_it_can_be_read_aloud_and_used_by_keyboard(pages, kind):
    elements = Elements(pages[kind])
    assert elements.around == []  # every element is closed, in its place
    assert elements.of("html")[0]["lang"] == "en"
    assert all(len(image["alt"]) > 5 for image in elements.of("img"))
    assert all(head["scope"] in ("row", "col") for head in elements.of("th"))
    scrolling = [it for it in elements.of("div") if it.get("class") == "scroll"]
    assert scrolling
    assert all((it["tabindex"], it["role"]) == ("0", "region") and it["aria-label"] for it in scrolling)
    ids = [attributes["id"] for _, attributes, _ in elements.all if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(it["aria-labelledby"] in ids for it in elements.of("section", "dialog"))
    labels = [it["aria-label"] for _, it, _ in elements.all if it.get("role") == "region"]
    assert len(labels) == len(set(labels))
    assert all("label" in around for tag, _, around in elements.all if tag in ("input", "select"))
    levels = [int(tag[1]) for tag, _, _ in elements.all if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("kind", ["judged", "bare", "cells"])
def test_it_needs_no_other_file_and_no_network(pages, kind):
    html, elements = pages[kind], Elements(pages[kind])
    assert "://" not in html
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) == {"#"}  # a filter within the page
    ids = {attributes["id"] for _, attributes, _ in elements.all if "id" in attributes}
    addresses = [link["href"] for link in elements.of("a")]
    assert len(addresses) > 10
    for address in addresses:
        assert address[0] == "#"
        assert address[1:] in ids or re.match(r"#(image=|images\?)", address)
    assert not elements.of("link", "iframe", "object", "embed")
    assert all("src" not in script for script in elements.of("script"))
    assert all(image.get("src", "data:image/").startswith("data:image/") for image in elements.of("img"))


def test_it_begins_with_the_answer(pages):
    order = re.findall(r'<h2 id="(\w+)"', pages["judged"])
    assert order[:4] == ["verdict", "scores", "confusion", "images"]
    text = " ".join("".join(Elements(pages["judged"]).text).split())
    assert "Of 5 true labels in 4 images, 3 are found and 2 missed; of 5 labels given, 2 are false alarms." in text
    assert "2 images (50 %) are right in every label." in text


def test_without_the_truth_it_begins_with_images_and_ends_with_what_is_missing(pages):
    order = re.findall(r'<h2 id="(\w+)"', pages["bare"])
    assert order[:3] == ["summary", "images", "examples"]
    assert order[-1] == "about"
    text = " ".join("".join(Elements(pages["bare"]).text).split())
    assert "4 images were given 1.2 labels each on average." in text
    assert "3 of the 4 images have their picture in this page" in text
    assert "pictured=4 puts all of them into it" in text
    assert text.count("truth=TABLE") == 1
    assert text.index("scores: truth=TABLE") > text.index("The report can show more:")


def test_labels_without_an_example_are_counted_in_place_of_shown():
    few = bare()
    names, none = (*few.names, "rare", "rarer"), np.zeros((len(IDS), 2))
    probs, given = np.hstack([few.probs, none]), np.hstack([few.given, none.astype(np.uint8)])
    page = page_of(Answers(ids=IDS, names=names, probs=probs, given=given, thresholds=np.full(5, 0.5)), shown=IDS)
    assert re.findall(r"<summary><b>(.*?)</b>", page) == ["bright", "dark", "odd"]
    assert "Of 2 further labels there is no example." in page
    assert "there is no example" not in page_of(few, shown=IDS)


ROWS = "[...document.querySelectorAll('#image-table tbody tr')].map(row => row.querySelector('code').textContent)"
CELLS = "[...document.querySelectorAll('#image-table tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))"
STATUS = "document.querySelector('#status').textContent"
CHOOSE = """const choose = (name, value) => {
    const control = document.forms.filters.elements[name];
    control.value = value;
    control.dispatchEvent(new Event("input", {bubbles: true}));
};"""


@needs_browser
def test_tables_are_sorted_by_any_column_both_ways(page, tmp_path):
    script = f"""const seen = {{first: {ROWS}}}, labels = document.querySelector("table.sortable");
        for (const name of ["id", "probability", "distance", "mistakes"]) {{
            const button = document.querySelector(`#image-table [data-column=${{name}}] button`);
            seen[name] = ["", ""].map(() => {{ button.click(); return {ROWS}; }});
        }}
        seen.labels = [4, 5, 0, 0].map(column => {{
            labels.tHead.rows[0].cells[column].querySelector("button").click();
            return [...labels.tBodies[0].rows].map(row => row.cells[0].textContent);
        }});
        seen.said = [...document.querySelectorAll("[aria-sort]")].map(it => [it.textContent, it.ariaSort]);
        return seen;"""
    seen = found(page, script, tmp_path)
    assert seen["first"] == ["b", "c/ä", "a", "d"]
    assert seen["id"] == [["a", "b", "c/ä", "d"], ["d", "c/ä", "b", "a"]]
    assert seen["probability"] == [["d", "a", "c/ä", "b"], ["b", "c/ä", "a", "d"]]
    # from their thresholds: a 0.3, b 0.1, c 0.05, d 0.2
    assert seen["distance"] == [["a", "d", "b", "c/ä"], ["c/ä", "b", "d", "a"]]
    assert seen["mistakes"] == [["b", "c/ä", "a", "d"], ["a", "d", "b", "c/ä"]]
    alarms, f1, names, turned = seen["labels"]
    assert alarms == ["bright", "odd", "dark"]
    assert f1 == ["bright", "dark", "odd"]  # a label without a score is the last
    assert (names, turned) == (["bright", "dark", "odd"], ["odd", "dark", "bright"])
    assert seen["said"] == [["label", "descending"], ["mistakes", "ascending"]]


@needs_browser
def test_images_are_filtered_by_id_label_and_kind_of_answer(page, tmp_path):
    choices = [["text", " C/"], ["text", ""], ["label", "1"], ["kind", "miss"], ["label", ""], ["kind", "right"]]
    choices += [["kind", "false"], ["label", "2"], ["label", "0"], ["kind", "error"], ["label", ""]]
    script = f"""{CHOOSE}
        const seen = [];
        for (const [name, value] of {choices}) {{
            choose(name, value);
            seen.push([{ROWS}, {STATUS}, {CELLS}]);
        }}
        document.querySelector("#all").click();
        return {{seen, all: {ROWS}, controls: [...document.forms.filters.elements].map(it => it.value)}};"""
    it = found(page, script, tmp_path)
    rows, said, cells = zip(*it["seen"], strict=True)
    four, wrong = ["b", "c/ä", "a", "d"], ["b", "c/ä"]
    assert rows == (["c/ä"], four, ["b", "c/ä", "d"], wrong, wrong, ["a", "d"], wrong, ["b"], ["c/ä"], ["c/ä"], ["c/ä"])
    assert said[7] == "1 of 4 images: false alarm odd; probabilities are those of odd"
    ((name, answer, *numbers),) = cells[7]
    assert name.strip() == "b"
    assert "".join(answer.split()) == "hit:brightmissed:darkfalsealarm:odd"
    assert numbers == ["2", "0.600", "0.100"]
    assert said[10] == "1 of 4 images: likely label error"
    assert it["all"] == ["b", "c/ä", "a", "d"]
    assert set(it["controls"]) == {"", it["controls"][-1]}


@needs_browser
def test_addresses_and_counts_show_the_images_that_they_speak_of(page, tmp_path):
    expected = {
        "miss=1&false=2": ["b"],
        "miss=1&false=0": ["c/ä"],
        "hit=0": ["b", "a"],
        "right=": ["a", "d"],
        "miss=none&false=0": [],
        "miss=1&false=none": [],
    }
    script = f"""const first = [{ROWS}, {STATUS}], seen = [], counts = [];
        for (const query of {list(expected)}) {{
            location.hash = "#images?" + query;
            await settled();
            seen.push({ROWS});
        }}
        for (const link of document.querySelectorAll("table a[href^='#images?']")) {{
            link.click();
            await settled();
            counts.push([link.textContent, String({ROWS}.length)]);
        }}
        return {{first, seen, counts}};"""
    seen = found(page, script, tmp_path, "#images?miss=1&false=2")
    assert seen["first"] == [["b"], "1 of 4 images: missed dark, false alarm odd"]
    assert seen["seen"] == list(expected.values())
    assert len(seen["counts"]) == 5 + 5  # of the table of labels, and of the confusion
    assert all(said == shown for said, shown in seen["counts"])


LOOK = """const look = () => ({
    open: document.querySelector("#view").open,
    title: document.querySelector("#view-title").textContent,
    place: document.querySelector("#view-place").textContent,
    rows: [...document.querySelectorAll("#view tbody tr")].map(row => [...row.cells].map(cell => cell.textContent)),
    bars: [...document.querySelectorAll("#view .bar")].map(bar => bar.className),
    planes: [...document.querySelectorAll("#view .planes button")].map(button => button.textContent),
    pictures: [...document.querySelectorAll("#view img")].map(image => image.naturalWidth),
});"""


@needs_browser
def test_an_image_is_looked_at_with_its_planes_and_its_probabilities_against_the_thresholds(page, tmp_path):
    script = f"""{LOOK}
        await settled();
        const first = look(), large = document.querySelector("#view figure img");
        document.querySelectorAll("#view .planes button")[2].click();
        const green = [large.className, large.alt, getComputedStyle(large).filter];
        document.querySelector("#view").dispatchEvent(new KeyboardEvent("keydown", {{key: "ArrowRight"}}));
        await settled();
        const second = look();
        document.querySelector("#view-close").click();
        await settled();
        const closed = look().open, hash = location.hash;
        document.querySelector("#image-table tbody a").click();
        await settled();
        return {{first, green, second, closed, hash, again: look()}};"""
    seen = found(page, script, tmp_path, "#image=b")
    first = seen["first"]
    assert (first["open"], first["title"], first["place"]) == (True, "b", "1 of 4")
    assert first["rows"] == [
        ["bright", "", "0.800", "0.600", "hit"],
        ["odd", "", "0.600", "0.500", "false alarm"],
        ["dark", "", "0.300", "0.500", "missed"],
    ]
    assert first["bars"] == ["bar hit", "bar false", "bar miss"]
    assert first["planes"] == ["all", "red", "green", "blue", "yellow"]
    assert len(first["pictures"]) == 6
    assert set(first["pictures"]) == {12}
    assert seen["green"] == ["large green", "Protein alone", 'url("#only-green")']
    assert (seen["second"]["title"], seen["second"]["place"]) == ("c/ä", "2 of 4")
    assert seen["second"]["rows"][0] == ["bright", "", "0.880", "0.600", "false alarm, likely label error"]
    assert (seen["closed"], seen["hash"]) == (False, "#images")
    assert (seen["again"]["open"], seen["again"]["title"]) == (True, "b")


@needs_browser
def test_without_the_truth_images_are_filtered_by_what_they_were_given(pages, tmp_path):
    script = f"""{CHOOSE} {LOOK}
        choose("label", "0");
        const rows = {ROWS};
        location.hash = "#image=" + encodeURIComponent("c/ä");
        await settled();
        return {{rows, look: look(), missing: document.querySelector("#view-pictures").textContent}};"""
    seen = found(pages["bare"], script, tmp_path)
    assert seen["rows"] == ["a", "b", "c/ä"]
    assert seen["look"]["rows"][:2] == [["bright", "", "0.880", "0.600", "given"], ["dark", "", "0.450", "0.500", ""]]
    assert "not part of this page" in seen["missing"]


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_legible_in_light_and_dark(page, tmp_path, dark):
    script = """
        const color = (element, name) => getComputedStyle(element)[name].match(/[0-9.]+/g).slice(0, 3).map(Number);
        const texts = ["h1", "main p", "a", "small", "thead th", ".chip.hit", ".chip.false", ".chip.miss", ".absent"];
        return {
            paper: color(document.body, "backgroundColor"),
            ink: texts.map(name => color(document.querySelector(name), "color")),
            plot: getComputedStyle(document.querySelector(".plot")).filter,
        };"""
    seen = found(page, script, tmp_path, dark=dark)
    paper = luminance(seen["paper"])
    assert (paper < 0.05) == dark
    assert ("invert" in seen["plot"]) == dark
    for ink in seen["ink"]:
        dim, bright = sorted([paper, luminance(ink)])
        assert (bright + 0.05) / (dim + 0.05) >= 4.5  # of WCAG 2


def luminance(color):
    """Relative luminance of sRGB, as WCAG 2 has it."""
    part = np.array(color) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
