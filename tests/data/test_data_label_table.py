import numpy as np
import pytest

from hpa_lit.data.label_table import read_label_table
from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES, RESERVED


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        return path

    return write


def test_indices_are_the_28_locations(table):
    result = read_label_table(table("Id,Target\na,16 0\nb,27\n"))
    assert result.ids == ["a", "b"]
    assert result.names == list(LABEL_NAMES)
    np.testing.assert_array_equal(np.argwhere(result.labels), [[0, 0], [0, 16], [1, 27]])


def test_numbers_in_the_list_choose_among_the_28(table):
    result = read_label_table(table("Id,Target\na,6\nb,25 6\n"), [6, 25])
    assert result.names == ["Endoplasmic reticulum", "Cytosol"]
    np.testing.assert_array_equal(result.labels, [[1, 0], [1, 1]])


@pytest.mark.parametrize("header", ["Id,Endoplasmic reticulum,Golgi apparatus,Cytosol", "Id,6,7,25", "Id,6,7,Cytosol"])
def test_numbers_in_the_list_choose_among_columns_of_locations(table, header):
    result = read_label_table(table(f"{header}\na,0,1,1\nb,1,0,1\n"), [25, 6])
    assert result.names == ["Cytosol", "Endoplasmic reticulum"]
    assert result.labels.tolist() == [[1, 0], [1, 1]]


def test_two_columns_of_one_location_are_refused(table):
    with pytest.raises(InputError, match=r"labels\.csv has two columns of one label: leave one of 25 and Cytosol"):
        read_label_table(table("Id,25,Cytosol\na,0,1\n"), [25])


def test_names_are_split_by_a_bar(table):
    text = "Id,Target\na,Nuclear membrane|Cytosol\nb,Rods & rings\n"
    result = read_label_table(table(text))
    assert result.names == list(LABEL_NAMES)
    np.testing.assert_array_equal(np.argwhere(result.labels), [[0, 1], [0, 25], [1, 27]])
    assert read_label_table(table(text), ["Cytosol", "Nuclear membrane", "Rods & rings"]).labels.tolist() == [
        [1, 1, 0],
        [0, 0, 1],
    ]


def test_other_names_make_their_own_list(table):
    result = read_label_table(table("Id,Target\na,spindle pole|cortex\nb,cortex\n"))
    assert result.names == ["cortex", "spindle pole"]
    assert result.labels.tolist() == [[1, 1], [1, 0]]


def test_a_mistyped_location_is_no_label_of_its_own(table):
    with pytest.raises(InputError, match="'Cytosool', which is not in the label list"):
        read_label_table(table("Id,Target\na,Nucleoli|Cytosool\n"))


def test_indices_count_in_a_list_of_names(table):
    assert read_label_table(table("Id,Target\na,1\n"), ["no", "yes"]).labels.tolist() == [[0, 1]]


def test_columns_of_zero_and_one(table):
    path = table("Id,mito,golgi\na,0,1\nb,1,1\nc,0,0\n")
    result = read_label_table(path)
    assert (result.names, result.labels.tolist()) == (["mito", "golgi"], [[0, 1], [1, 1], [0, 0]])
    assert read_label_table(path, ["golgi"]).labels.tolist() == [[1], [1], [0]]


def test_every_bad_row_is_named(table):
    with pytest.raises(InputError) as error:
        read_label_table(table("Id,Target\na,0\na,1\nb,\nc,28\nd,0 Mars\n"))
    for part in (
        "row 3: Id 'a'",
        "row 4: Id 'b' has an empty Target",
        "row 5: Id 'c' has the label '28'",
        "row 6",
        "Mars",
    ):
        assert part in str(error.value)


def test_twenty_are_named_and_the_rest_counted(table):
    with pytest.raises(InputError, match="and 5 more") as error:
        read_label_table(table("Id,Target\n" + "".join(f"i{row},99\n" for row in range(25))))
    assert str(error.value).count("row ") == 20


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ("Name,Target\na,0\n", None, "no column Id; its columns are Name, Target"),
        ("Id,mito\na,2\n", None, "row 2: Id 'a' has '2' under 'mito', not 0 or 1"),
        ("Id\na\n", None, "neither a column Target nor columns of 0 and 1 for any label"),
        ("Id,mito\na,1\n", ["golgi"], "nor columns of 0 and 1 for golgi; its columns are Id, mito"),
        ("image,Target\na,0\n", None, "its columns are image, Target: name the column of image names Id"),
        ("Id;Target\na;0\n", None, "has semicolons between its columns: save it with commas"),
        ("Id\tTarget\na\t0\n", None, "has tabs between its columns: save it with commas"),
        ("", None, "is no CSV: it is empty"),
        ("Id,Target\n", None, "has no rows"),
        ("Id,Target\na,0\nb,1,2\n", None, "is no CSV: .*line 3, saw 3"),
        ("Id,Target\na,0\n", [0, 28], "28 is no location"),
        ("Id,Cytosol\na,0\n", [25, 28], "28 is no location"),
        ("Id,Cytosol\na,0\n", [25, 25], "label 'Cytosol' stands there twice"),
        ("Id,Cytosol\na,0\n", [25, 6], "nor columns of 0 and 1 for Endoplasmic reticulum; its columns are Id, Cytosol"),
        ("Id,Target\na,0\n", ["x", "x"], "data.label_list: 1 labels .*\n  label 'x' stands there twice"),
    ],
)
def test_other_mistakes(table, text, labels, message):
    with pytest.raises(InputError, match=message):
        read_label_table(table(text), labels)


def test_tables_in_other_encodings_are_refused_and_ids_are_kept_as_they_are(tmp_path):
    path = tmp_path / "labels.csv"
    text = "Id,Target\nZelle 1 ü,0\n"
    path.write_text("\ufeff" + text, encoding="utf-8")  # as Excel saves CSV UTF-8
    assert read_label_table(path).ids == ["Zelle 1 ü"]
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"labels\.csv is no text in UTF-8"):
        read_label_table(path)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_label_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("name", RESERVED)
def test_a_label_named_as_another_column_is_refused_before_training(table, name):
    refused = f"1 labels cannot be columns of tables: rename them\n  label '{name}' is the name of another column"
    with pytest.raises(InputError, match=rf"labels\.csv: {refused}"):
        read_label_table(table(f"Id,Target\na,{name}|golgi\nb,golgi\n"))
    with pytest.raises(InputError, match=f"data.label_list: {refused}"):
        read_label_table(table("Id,Target\na,0\n"), [name, "golgi"])
    if name not in ("Id", "Target", "fold", "split"):  # which mean what they say
        with pytest.raises(InputError, match=rf"labels\.csv: {refused}"):
            read_label_table(table(f"Id,golgi,{name}\na,1,0\n"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "has no name"),
        (" golgi", "begins or ends with a blank"),
        ("gol\tgi", r"holds '\\t'"),
        ("gol\x1bgi", r"holds '\\x1b'"),
    ],
)
def test_labels_that_no_table_can_hold_are_refused(table, name, why):
    with pytest.raises(InputError, match=why):
        read_label_table(table("Id,Target\na,0\n"), [name, "mito"])


@pytest.mark.parametrize(
    ("header", "twice"), [("Id,Target,Id", "Id"), ("Id,Target,Target", "Target"), ("Id,mito,mito", "mito")]
)
def test_a_second_column_of_one_name_is_refused(table, header, twice):
    with pytest.raises(InputError, match=f"has several columns {twice}: leave one of each, or rename them"):
        read_label_table(table(f"{header}\na,1,0\n"))


def test_ids_that_no_file_can_have_are_refused_with_their_rows(table):
    with pytest.raises(InputError) as refused:
        read_label_table(table('Id,Target\na,0\nb/b,0\n"c\td",0\n,0\n=cmd|x,0\n'))
    assert str(refused.value).splitlines()[1:] == [
        "  row 3: Id 'b/b' holds '/', and Ids are names of files",
        r"  row 4: Id 'c\td' holds '\t', and Ids are names of files",
        "  row 5: Id '' is empty, and Ids are names of files",
    ]
    with pytest.raises(InputError, match="NUL bytes"):
        read_label_table(table("Id,Target\na\0b,0\n"))


def test_a_table_may_be_of_cells(table):
    assert read_label_table(table("Id,Target\nf/1,0\nf/12,1\n")).ids == ["f/1", "f/12"]
    with pytest.raises(InputError, match=r"Id '\.\./1' begins with a dot"):
        read_label_table(table("Id,Target\n../1,0\n"))


def test_a_row_without_its_last_cells_is_named(table):
    with pytest.raises(InputError, match="row 3: Id 'b' has an empty Target"):
        read_label_table(table("Id,Target\na,0\nb\n"))


@pytest.mark.parametrize("group", ["Id", "Target"])
def test_images_are_no_groups_of_themselves(table, group):
    with pytest.raises(InputError, match=f"data.group={group}: these are the images, or their labels"):
        read_label_table(table("Id,Target\na,0\n"), group=group)
