"""The prediction file: what is written is read, and what breaks its rules is refused by name."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from strange_pictures import mutant

from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file
from hpa_lit.files.prediction_file import Predictions


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    probabilities, features = rng.random((3, 2, 4)).astype(np.float32), rng.standard_normal((3, 2, 5))
    probabilities[1], features[1] = np.nan, np.nan
    return Predictions(
        ids=("a", "b", "c"),
        status=("ok", "b_red.png is cut short", "ok"),
        views=("crop0/default", "crop0/flipud"),
        labels=("Nucleoplasm", "Rods & rings", "x,y", "é"),
        probabilities=probabilities,
        run="r",
        fold=0,
        dataset="test",
        checkpoint="best.ckpt",
        features=features.astype(np.float32),
    )


@pytest.mark.parametrize("with_features", [True, False])
def test_what_is_written_is_read(tmp_path, predictions, with_features):
    if not with_features:
        predictions = replace(predictions, features=None)
    prediction_file.write(tmp_path / "p.parquet", predictions)
    found = prediction_file.read(tmp_path / "p.parquet")
    for name in ("ids", "status", "views", "labels", "run", "fold", "dataset", "checkpoint"):
        assert getattr(found, name) == getattr(predictions, name)
    np.testing.assert_array_equal(found.probabilities, predictions.probabilities)
    assert found.probabilities.dtype == np.float32
    assert found.failures == {"b": "b_red.png is cut short"}
    if with_features:
        np.testing.assert_array_equal(found.features, predictions.features)
    else:
        assert found.features is None


@pytest.mark.parametrize(("images", "groups"), [(0, 3), (1, 3), (2, 2), (3, 1)])
def test_it_does_not_matter_how_many_rows_are_written_at_a_time(tmp_path, predictions, monkeypatch, images, groups):
    monkeypatch.setattr(prediction_file, "_ROW_GROUP", images * 2 * (4 + 5) * 4)  # views, labels and features, bytes
    prediction_file.write(tmp_path / "p.parquet", predictions)
    assert pq.ParquetFile(tmp_path / "p.parquet").num_row_groups == groups
    found = prediction_file.read(tmp_path / "p.parquet")
    assert (found.ids, found.status) == (predictions.ids, predictions.status)
    np.testing.assert_array_equal(found.probabilities, predictions.probabilities)
    np.testing.assert_array_equal(found.features, predictions.features)


def test_others_read_it_as_a_plain_table(tmp_path, predictions):
    prediction_file.write(tmp_path / "p.parquet", predictions)
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert table.columns.tolist() == ["Id", "view", "status", *predictions.labels, "features"]
    assert table.Id.tolist() == ["a", "a", "b", "b", "c", "c"]
    failed = pq.read_table(tmp_path / "p.parquet").slice(2, 2)
    assert all(failed.column(name).null_count == 2 for name in [*predictions.labels, "features"])


def test_an_embedder_has_features_and_no_labels(tmp_path, predictions):
    embedded = replace(predictions, labels=(), probabilities=np.empty((3, 2, 0), np.float32), fold=None)
    prediction_file.write(tmp_path / "p.parquet", embedded)
    found = prediction_file.read(tmp_path / "p.parquet")
    assert (found.labels, found.probabilities.shape, found.fold) == ((), (3, 2, 0), None)
    np.testing.assert_array_equal(found.features, predictions.features)


def test_no_image_may_be_answered(tmp_path, predictions):
    nothing = replace(
        predictions,
        status=("gone",) * 3,
        probabilities=np.full_like(predictions.probabilities, np.nan),
        features=np.full_like(predictions.features, np.nan),
    )
    prediction_file.write(tmp_path / "p.parquet", nothing)
    found = prediction_file.read(tmp_path / "p.parquet")
    assert found.features.shape == (3, 2, 5)
    assert np.isnan(found.features).all()
    assert np.isnan(found.probabilities).all()


def test_certain_probabilities_keep_finite_logarithms(tmp_path, predictions):
    certain = replace(predictions, probabilities=np.where(np.isnan(predictions.probabilities), np.nan, 1.0))
    certain.probabilities[0] = 0
    prediction_file.write(tmp_path / "p.parquet", certain)
    found = prediction_file.read(tmp_path / "p.parquet").probabilities[[0, 2]]
    assert np.isfinite(np.log(found)).all()
    assert np.isfinite(np.log(1 - found)).all()
    assert found.dtype == np.float32


def test_parts_join_in_id_order(predictions):
    odd, even = predictions.take([1]), predictions.take([0, 2])
    joined = prediction_file.join(iter([odd, even]), predictions.ids)
    assert joined.ids == predictions.ids
    assert joined.status == predictions.status
    np.testing.assert_array_equal(joined.probabilities, predictions.probabilities)
    np.testing.assert_array_equal(joined.features, predictions.features)
    with pytest.raises(ValueError, match=r"(?s)in no part.*\n  b"):
        prediction_file.join([even], predictions.ids)
    with pytest.raises(ValueError, match="differ in fold"):
        prediction_file.join([odd, replace(even, fold=1)], predictions.ids)
    with pytest.raises(ValueError, match="some have none"):
        prediction_file.join([odd, replace(even, features=None)], predictions.ids)


def test_the_first_good_answer_of_an_image_counts(predictions):
    failed = [row for row, ok in enumerate(predictions.ok) if not ok]
    good = predictions.take([0])
    again = replace(good, probabilities=good.probabilities / 2)
    bad = replace(good, status=("cut short",), probabilities=good.probabilities * np.nan)
    bad = replace(bad, features=bad.features * np.nan)
    for parts in ([bad, good, again], [good, bad, again]):
        joined = prediction_file.join(parts, good.ids)
        assert joined.status == ("ok",)
        np.testing.assert_array_equal(joined.probabilities, good.probabilities)
    joined = prediction_file.join([bad, predictions], predictions.ids)
    assert list(joined.failures) == [predictions.ids[row] for row in failed]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {"ids": ("a", "a", "c")}, "repeated.*\n  a"),
        (lambda p: {"ids": ("c", "b", "a")}, "ascending"),
        (lambda p: {"status": ("ok", "ok", "ok")}, "1 images called ok have a NaN.*\n  b"),
        (lambda p: {"status": ("ok",)}, "1 statuses for 3 images"),
        (lambda p: {"views": ("default",)}, "shape"),
        (lambda p: {"labels": ("Id", "B", "C", "D")}, "label names"),
        (lambda p: {"labels": ("A", "A", "C", "D")}, "label names"),
        (lambda p: {"probabilities": p.probabilities * 3}, "outside 0..1"),
        (lambda p: {"features": p.features[:2]}, "features have shape"),
    ],
)
def test_broken_rules_are_named(predictions, change, message):
    with pytest.raises(ValueError, match=message):
        replace(predictions, **change(predictions))


def test_other_files_are_refused_by_name(tmp_path, predictions):
    path = tmp_path / "p.parquet"
    with pytest.raises(ValueError, match="there is no prediction file"):
        prediction_file.read(path)
    path.write_text("Id,Target\n")
    with pytest.raises(ValueError, match=r"p\.parquet cannot be read"):
        prediction_file.read(path)
    pd.DataFrame({"Id": ["a"]}).to_parquet(path)
    with pytest.raises(ValueError, match=r"p\.parquet is no prediction file"):
        prediction_file.read(path)
    prediction_file.write(path, predictions)
    table = pq.read_table(path)
    short = table.set_column(7, "features", [[[0.0] * 5] * 3 + [None, [0.0] * 5, [0.0] * 4]])
    for damaged in (
        table.slice(1),
        table.slice(0, 5),
        table.take([1, 0, 2, 3, 4, 5]),
        table.drop_columns(["é"]),
        short,
    ):
        pq.write_table(damaged, path)
        with pytest.raises(ValueError, match=r"p\.parquet"):
            prediction_file.read(path)


def with_source(path, predictions, **changes):
    """Write a prediction file whose metadata says something else."""
    prediction_file.write(path, predictions)
    table = pq.read_table(path)
    source = json.loads(table.schema.metadata[b"hpa_lit"]) | changes
    pq.write_table(table.replace_schema_metadata({b"hpa_lit": json.dumps(source)}), path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dataset", "../../../etc", r"dataset '../../../etc' begins with a dot, .*and files are named by it"),
        ("dataset", "..", "begins with a dot"),
        ("dataset", "a\0b", r"holds '\\x00'"),
        ("dataset", 5, "dataset: Input should be a valid string"),
        ("run", ["a"], "run: Input should be a valid string"),
        ("fold", -1, "fold: Input should be greater than or equal to 0"),
        ("fold", "x", "fold: Input should be a valid integer"),
        ("checkpoint", None, "checkpoint: Input should be a valid string"),
        ("views", [], "views: Tuple should have at least 1 item"),
        ("views", [1, 2], r"views\.0: Input should be a valid string"),
        ("labels", {"A": 1}, "labels: Input should be a valid"),
        ("width", 10**13, "width: Input should be less than or equal to 65536"),
        ("width", 4, "was changed"),
    ],
)
def test_metadata_that_cannot_be_is_named_with_the_file(tmp_path, predictions, key, value, message):
    with_source(tmp_path / "p.parquet", predictions, **{key: value})
    with pytest.raises(InputError, match=message) as error:
        prediction_file.read(tmp_path / "p.parquet")
    assert "p.parquet" in str(error.value)


@pytest.mark.parametrize("name", ["../../a", "a/b", "a\0", "a\nb", "\x1b[2Ja"])
def test_ids_that_lead_elsewhere_or_cannot_be_printed_are_refused(tmp_path, predictions, name):
    with pytest.raises(InputError, match="1 Ids hold / or what cannot be printed, and files are named by Ids"):
        replace(predictions.take([0]), ids=(name,))
    prediction_file.write(tmp_path / "p.parquet", predictions.take([0]))
    table = pq.read_table(tmp_path / "p.parquet")
    pq.write_table(table.set_column(0, "Id", pa.array([name] * 2)), tmp_path / "p.parquet")
    with pytest.raises(InputError, match=r"p\.parquet: 1 Ids hold / or") as error:
        prediction_file.read(tmp_path / "p.parquet")
    assert all(line.isprintable() for line in str(error.value).splitlines())


def test_a_table_that_says_it_is_too_large_is_not_begun(tmp_path, predictions, monkeypatch):
    prediction_file.write(tmp_path / "p.parquet", predictions)
    monkeypatch.setattr(prediction_file, "MOST_VALUES", 20)
    with pytest.raises(InputError, match=r"p\.parquet says that it holds \d+ values, more than 20"):
        prediction_file.read(tmp_path / "p.parquet")


def test_damage_ends_in_predictions_or_in_one_sentence(tmp_path, predictions):
    path = tmp_path / "p.parquet"
    prediction_file.write(path, predictions)
    whole, said = path.read_bytes(), []
    for number in range(300):
        path.write_bytes(mutant(whole, np.random.default_rng(number)))
        for look in (prediction_file.read, prediction_file.refuse_other):
            try:
                look(path)
            except InputError as error:
                said.append(str(error))
    assert all("p.parquet" in sentence for sentence in said)
    assert len(set(said)) > 5


def test_no_damaged_byte_is_read_as_other_numbers(tmp_path, predictions):
    path = tmp_path / "p.parquet"
    prediction_file.write(path, predictions)
    whole, refused = path.read_bytes(), 0
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(0, footer, 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = prediction_file.read(path)
        except InputError:
            refused += 1
        else:
            np.testing.assert_array_equal(found.probabilities, predictions.probabilities)
            np.testing.assert_array_equal(found.features, predictions.features)
    assert refused > footer / 8  # half of the bytes were damaged, and older writers leave more of them unused
