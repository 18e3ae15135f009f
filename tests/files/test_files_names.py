"""What a name may be that becomes one of a file."""

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.names import check_id, check_ids, fault

GOOD = ("a", "10_A1_1", "=cmd|x", "Zellen (neu)", "a..b", "ä" * 127, "a" * 255, "細胞", "a\u200db")
BAD = {
    "": "is empty",
    "  ": "is empty",
    " a": "begins or ends with a blank",
    "a\n": "begins or ends with a blank",
    "..": "begins with a dot, as hidden files and .. do",
    "../a": "begins with a dot, as hidden files and .. do",
    ".hidden": "begins with a dot, as hidden files and .. do",
    "a/../b": "holds '/'",
    "a\\b": r"holds '\\'",
    "a\x00b": r"holds '\x00'",
    "a\tb": r"holds '\t'",
    "a\x7f": r"holds '\x7f'",
    "a\u2028b": r"holds '\u2028'",
    "a\udcffb": r"holds '\udcff'",
    "ä" * 128: "is 256 bytes long, of which a file's name has 255 at most",
}


@pytest.mark.parametrize("name", GOOD)
def test_names_that_a_file_may_have_pass(name, tmp_path):
    assert fault(name) == ""
    check_id(name)
    (tmp_path / name).touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", BAD)
def test_other_names_are_refused_with_the_reason(name):
    assert fault(name) == BAD[name]
    with pytest.raises(InputError, match="Ids are names of files: rename it") as raised:
        check_id(name)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


def test_all_culprits_among_many_ids_are_named_at_once():
    with pytest.raises(InputError) as raised:
        check_ids(["a", "a/b", "c", "d\x00"], "table.csv")
    assert str(raised.value).splitlines() == [
        "table.csv: 2 Ids cannot be names of files, which Ids are: rename them",
        "  Id 'a/b' holds '/'",
        r"  Id 'd\x00' holds '\x00'",
    ]
    check_ids(["a", "b"], "table.csv")
