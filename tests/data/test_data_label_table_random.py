"""Random tables and labels: a result, or one sentence."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa_lit.data.label_table import LabelTable, read_label_table
from hpa_lit.errors import InputError
from hpa_lit.labels import decode, encode

WORDS = st.sampled_from(
    ["Id", "Target", "fold", "split", "view", "golgi", "0", "1", "2 0", "a|b", "", " ", "a", "b", "é"]
)
CELLS = st.lists(st.lists(WORDS | st.text(max_size=3), min_size=1, max_size=4), max_size=5)
MARKS = st.sampled_from([",", ";", "\t"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])


def read(content, *arguments):
    """The table, or None where it was refused in words."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.csv"
        path.write_bytes(content)
        try:
            return read_label_table(path, *arguments)
        except InputError as error:
            assert str(error).strip()  # noqa: PT017
            return None


def check(table):
    assert isinstance(table, LabelTable)
    assert table.labels.shape == (len(table.ids), len(table.names))
    assert set(np.unique(table.labels)) <= {0, 1}
    assert len(set(table.ids)) == len(table.ids) > 0
    assert len(set(table.names)) == len(table.names) > 0
    assert all(len(cells) == len(table.ids) for cells in table.columns.values())


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_a_sentence(content):
    if (table := read(content)) is not None:
        check(table)


@settings(max_examples=80, deadline=None)
@given(CELLS, MARKS, ENCODINGS, st.none() | st.lists(WORDS | st.integers(-1, 30), max_size=3))
def test_any_cells_are_a_table_or_a_sentence(rows, mark, encoding, label_list):
    text = "\n".join(mark.join(row) for row in [["Id", "Target"], *rows])
    if (table := read(text.encode(encoding, "replace"), label_list)) is not None:
        check(table)


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, 27), min_size=1), st.randoms())
def test_label_strings_are_their_rows(places, random):
    words = [str(place) for place in places] * 2
    random.shuffle(words)
    row = encode(" ".join(words))
    assert set(np.flatnonzero(row)) == places
    assert decode(row) == " ".join(map(str, sorted(places)))
    np.testing.assert_array_equal(encode(decode(row)), row)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=12) | st.sampled_from(["28", "-1", "1.0", "²", "٣", "1 x"]), st.integers(1, 40))
def test_any_text_is_a_label_string_or_a_sentence(text, num_labels):
    try:
        row = encode(text, num_labels)
    except InputError as error:
        assert "Target" in str(error)  # noqa: PT017
    else:
        assert row.shape == (num_labels,)
        assert all(int(word) < num_labels for word in text.split())
