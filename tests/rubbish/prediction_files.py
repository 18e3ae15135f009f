"""Prediction files that are none, were changed, or do not belong together."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpa_lit.files import prediction_file
from rubbish.case import Case, copy, cut, folder, remove, write
from rubbish.world import IDS, predictions

ONE = "fold0.parquet"


def saved(name=ONE, **more):
    """A whole file of something else."""
    return lambda home: (remove(name)(home), prediction_file.write(home / name, predictions(**more)))


def source(name=ONE, **entries):
    """A file whose metadata say something else; None takes an entry away."""

    def change(home: Path) -> None:
        table = pq.read_table(home / name)
        said = json.loads(table.schema.metadata[b"hpa_lit"]) | entries
        said = {key: value for key, value in said.items() if value is not None}
        remove(name)(home)
        pq.write_table(table.replace_schema_metadata({b"hpa_lit": json.dumps(said)}), home / name)

    return change


def column(key, values, name=ONE):
    """A file with another column; None takes one away."""

    def change(home: Path) -> None:
        table = pq.read_table(home / name)
        place = table.column_names.index(key)
        changed = table.remove_column(place) if values is None else table.set_column(place, key, pa.array(values))
        remove(name)(home)
        pq.write_table(changed.replace_schema_metadata(table.schema.metadata), home / name)

    return change


def plain(home: Path) -> None:
    remove(ONE)(home)
    pq.write_table(pa.table({"Id": ["a"]}), home / ONE)


def flipped(place):
    def change(home: Path) -> None:
        content = bytearray((home / ONE).read_bytes())
        content[place] ^= 0xFF
        write(ONE, bytes(content))(home)

    return change


def damaged_page(home: Path) -> None:
    """The last byte of a column of probabilities is another, which without a checksum makes another number."""
    with pq.ParquetFile(home / ONE) as file:
        probabilities = file.metadata.row_group(0).column(3)
    flipped(probabilities.data_page_offset + probabilities.total_compressed_size - 1)(home)


FAILED = {"status": ("no picture", *["ok"] * 5)}
NAN = {"probabilities": np.full((6, 1, 3), [[[np.nan] * 3]] + [[[0.5] * 3]] * 5, np.float32)}
CASES = [
    Case("no prediction file", "combine", "predictions=nowhere.parquet", None, r"predictions: there is no file nowhere\.parquet"),
    Case("a pattern of nothing", "combine", "predictions='x*/y.parquet'", None, r"predictions: there is no file x\*/y\.parquet"),
    Case("a prediction file of text", "combine", "", copy("labels.csv", ONE), r"fold0\.parquet cannot be read"),
    Case("a prediction file of nothing", "combine", "", write(ONE, b""), r"fold0\.parquet cannot be read"),
    Case("a prediction file cut short", "combine", "", cut(ONE), r"fold0\.parquet cannot be read"),
    Case("a folder for a prediction file", "combine", "", folder(ONE), r"fold0\.parquet"),
    Case("a damaged footer", "combine", "", flipped(-100), r"fold0\.parquet"),
    Case("a damaged page", "combine", "", damaged_page, r"fold0\.parquet cannot be read: .*CRC checksum"),
    Case("another Parquet table", "combine", "", plain, r"fold0\.parquet is no prediction file of hpa_lit, or was changed"),
    Case("metadata without views", "combine", "", source(views=None), r"fold0\.parquet is no prediction file .*views"),
    Case("metadata without a run", "combine", "", source(run=None), r"fold0\.parquet is no prediction file .*run"),
    Case("metadata of a fold in words", "combine", "", source(fold="one"), r"fold0\.parquet is no prediction file .*fold"),
    Case("metadata of other views", "combine", "", source(views=["a", "b"]), r"fold0\.parquet: not every image has one row"),
    Case("metadata of no views", "combine", "", source(views=[]), r"fold0\.parquet"),
    Case("metadata of another label", "combine", "", source(labels=["bright", "dark", "green"]), r"fold0\.parquet .*green"),
    Case("metadata of a label twice", "combine", "", source(labels=["bright", "bright", "odd"]), r"label names must differ"),
    Case("metadata of labels in a word", "combine", "", source(labels="odd"), r"fold0\.parquet"),
    Case("metadata of a dataset by number", "combine", "", source(dataset=5), r"fold0\.parquet"),
    Case("a probability above 1", "combine", "", column("bright", np.full(6, 2, np.float32)), r"6 images have probabilities outside 0\.\.1"),
    Case("a probability of nothing", "combine", "", column("bright", np.full(6, np.nan, np.float32)), r"6 images called ok have a NaN"),
    Case("probabilities in words", "combine", "", column("bright", ["much"] * 6), r"fold0\.parquet is no prediction file"),
    Case("a label's column taken away", "combine", "", column("bright", None), r"fold0\.parquet is no prediction file .*bright"),
    Case("the Ids taken away", "combine", "", column("Id", None), r"fold0\.parquet is no prediction file .*Id"),
    Case("an Id twice in predictions", "combine", "", column("Id", ["i00", "i00", "i02", "i03", "i04", "i05"]), r"1 Ids are repeated or not in ascending order:\n  i00"),
    Case("an Id of nothing in predictions", "combine", "", column("Id", [None, "i01", "i02", "i03", "i04", "i05"]), r"fold0\.parquet"),
    Case("Ids that are numbers", "combine", "", column("Id", list(range(6))), r"fold0\.parquet is no prediction file .*no texts"),
    Case("Ids in bytes", "combine", "", column("Id", [b"i00", b"i01", b"i02", b"i03", b"i04", b"i05"]), r"fold0\.parquet is no prediction file .*no texts"),
    Case("a status of nothing", "combine", "", column("status", ["ok", None, "ok", "ok", "ok", "ok"]), r"fold0\.parquet is no prediction file .*without an Id, a view or a status"),
    Case("failed images", "combine", "", saved(fold=0, **FAILED, **NAN), r"1 images failed; predict them again, or leave them out with on_failed=drop:\n  i00: no picture"),
    Case("other labels", "combine", "", saved(fold=0, labels=("a", "b", "c")), r"fold0\.parquet and fold1\.parquet differ in labels"),
    Case("another dataset", "combine", "", saved(fold=0, dataset="valid"), r"differ in dataset: valid and test"),
    Case("other images", "combine", "", saved(ids=IDS[1:], fold=0), r"differ in 1 Ids:\n  i00 is only in fold1\.parquet"),
    Case("a fold twice", "combine", "", saved(fold=1), r"are both fold 1 of run small: leave one out"),
    Case("an embedder to submit", "submit", "predictions=queries.parquet", None, r"queries\.parquet holds no probabilities, but features of an embedder"),
    Case("failed images to submit", "submit", "", saved("test.parquet", **FAILED, **NAN), r"1 images failed; predict them again"),
    Case("several views to submit", "submit", "", saved("test.parquet", views=("a", "b"), probabilities=np.full((6, 2, 3), 0.5, np.float32)), r"test\.parquet has 2 views of each image: combine them first"),
    Case("predictions nowhere", "submit", "predictions=nowhere.parquet", None, r"there is no prediction file nowhere\.parquet"),
    Case("a table of no predictions", "submit", "predictions=truth.csv", None, r"truth\.csv .*'0' under Target|truth\.csv"),
    Case("a table without probabilities", "submit", "predictions=x.csv", write("x.csv", "Id\na\n"), r"x\.csv is no table of predictions"),
    Case("a table of probabilities in words", "submit", "predictions=x.csv", write("x.csv", "Id,odd\na,much\n"), r"x\.csv has 1 cells that are no probability:\n  a: 'much' under odd"),
    Case("other labels to fit thresholds on", "submit", "thresholds=f1 out_of_fold=fold0.parquet out_of_fold_truth=./truth.csv", saved(labels=("a", "b", "c")), r"fold0\.parquet has other labels than the predictions: a, b, c"),
    Case("no features to search", "neighbours", "gallery=test.parquet", None, r"test\.parquet"),
    Case("features of another width", "neighbours", "", saved("queries.parquet", labels=(), features=5), r"5.*8|8.*5"),
    Case("features cut short", "neighbours", "", cut("gallery.parquet"), r"gallery\.parquet cannot be read"),
    Case("features of another file", "neighbours", "queries=labels.csv", None, r"labels\.csv"),
    Case("a report on several views", "report", "", saved("test.parquet", views=("a", "b"), probabilities=np.full((6, 2, 3), 0.5, np.float32)), r"has 2 views of each image"),
    Case("a report on a damaged file", "report", "", cut("test.parquet"), r"test\.parquet cannot be read"),
    Case("a report on an embedder", "report", "predictions=queries.parquet", None, r"queries\.parquet holds no probabilities, but features of an embedder"),
]  # fmt: skip
