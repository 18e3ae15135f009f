"""The page as text: what it escapes, and how it writes numbers."""

import numpy as np

from hpa_lit.figures import chapters
from hpa_lit.figures.page import number, render


def test_names_are_text_and_no_markup():
    given = np.array([[1], [0]], np.uint8)
    parts = {
        "counts": chapters.counts(given * 0.5, given, ["<script>x</script>"]),
        "cooccurrence": chapters.cooccurrence(None, given, ["<script>x</script>"]),
    }
    html = render("a & b", 2, 1, [("predictions", "<i>")], parts)
    assert "<script>" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "<title>a &amp; b</title>" in html
    assert "<dd>&lt;i&gt;</dd>" in html


def test_numbers_that_are_none_are_a_dash():
    assert (number(0.126), number(2, 0), number(float("nan"))) == ("0.13", "2", "\N{EN DASH}")
