"""Tables as people save them: the very cells, or one sentence."""

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.csv_table import read_csv


@pytest.fixture
def read(tmp_path):
    def write_and_read(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv(path)

    return write_and_read


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("Id,Target\na,0\n", ["Id", "Target"], [["a", "0"]]),
        ("\ufeffId,Target\r\na,0\r\n", ["Id", "Target"], [["a", "0"]]),
        ("Id, Target \n a , 0\n", ["Id", "Target"], [[" a ", " 0"]]),
        ("Id,Target\nnan,NA\n001,1.0\n", ["Id", "Target"], [["nan", "NA"], ["001", "1.0"]]),
        ("Id,Target\na\n\nb,1\n", ["Id", "Target"], [["a", ""], ["b", "1"]]),
        ('Id,Target\n"a\nb","1, 2"\n', ["Id", "Target"], [["a\nb", "1, 2"]]),
        ("Id,Target,\na,0,\n", ["Id", "Target", ""], [["a", "0", ""]]),
        ("Id\n", ["Id"], []),
    ],
)
def test_cells_are_what_was_written(read, text, columns, rows):
    table = read(text)
    assert table.columns.tolist() == columns
    assert table.values.tolist() == rows


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is no CSV: it is empty"),
        ("\n\n", "is no CSV: it is empty"),
        (b"\xff\xfeI\0d\0", "is no text in UTF-8: save it as CSV"),
        ("Id,Zelle ü\n".encode("latin-1"), "is no text in UTF-8"),
        ("Id,Target\na\0b,1\n", "it holds NUL bytes"),
        ("Id;Target\na;0\n", "has semicolons between its columns: save it with commas"),
        ("Id\tTarget\na\t0\n", "has tabs between its columns"),
        ("Id,Target\na,0,1\n", "is no CSV: Expected 2 fields in line 2, saw 3"),
        ("Id,Target\na,0,\nb,1,\n", "Expected 2 fields in line 2, saw 3"),
        ('Id,Target\n"a,0\n', "is no CSV: EOF inside string"),
        ("Id,Target,Id\na,0,b\n", "has several columns Id: leave one of each, or rename them"),
        ("Id,Target, Id ,Target\na,0,b,1\n", "has several columns Id, Target"),
    ],
)
def test_what_is_no_table_is_one_sentence(read, content, sentence):
    with pytest.raises(InputError, match=rf"table\.csv {sentence}|table\.csv .*{sentence}") as refused:
        read(content)
    assert "\n" not in str(refused.value)


def test_a_table_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(InputError, match=f"there is no table {path}"):
            read_csv(path)
