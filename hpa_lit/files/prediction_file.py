"""The prediction file: what a model said about each image of a dataset, one Parquet table per run, fold and dataset.

Columns: ``Id`` (of a cell that of its field, / and its number), ``view``, ``status`` ("ok", or why the image failed), a
float32 probability column for each label by its name, and, when asked for, ``features``, lists of one length. An image
has one row for each view, images lie in Id order, and a failed image has nulls. The schema's metadata says where the
numbers come from.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hpa_lit.errors import InputError, listing, mistakes
from hpa_lit.files.limits import MOST_VALUES
from hpa_lit.files.names import fault, field_of, printable
from hpa_lit.files.reading import reading
from hpa_lit.files.writing import replacing

Floats = npt.NDArray[np.float32]

OK = "ok"
ALL_VIEWS = "all"  # the view of a file whose views were combined
# The ends of float32's open interval (0, 1): their logarithms are finite, and so is a focal loss from saved values.
LOWEST = float(np.finfo(np.float32).tiny)
HIGHEST = float(np.nextafter(np.float32(1), np.float32(0)))
_KEYS = ("Id", "view", "status")
_FEATURES = "features"
_METADATA = b"hpa_lit"
_ROW_GROUP = 2**23  # bytes of answers that are made ready and written at a time


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one model, or of an ensemble, for N images in V views.

    Attributes:
        ids: N Ids, ascending.
        status: N times "ok", or the reason why the image failed.
        views: V view names, such as "crop0/default".
        labels: K label names; none for an embedder.
        probabilities: Shape (N, V, K), 0..1; NaN where the image failed.
        run: Name of the run, or of the checkpoint where there is no run.
        fold: Its fold; None without folds.
        dataset: What was predicted, such as "test" or "valid".
        checkpoint: The weights used.
        features: Shape (N, V, D), or None when they were not asked for; NaN where the image failed.
        folder: Of the images, absolute; empty where it is not known.

    Raises:
        InputError: Shapes disagree, an Id is repeated or out of order, a value is outside 0..1, or an image called ok
            has a NaN.
    """

    ids: tuple[str, ...]
    status: tuple[str, ...]
    views: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: Floats
    run: str
    fold: int | None
    dataset: str
    checkpoint: str
    features: Floats | None = None
    folder: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.views), len(self.labels))
        if self.probabilities.shape != shape:
            raise InputError(
                f"probabilities have shape {self.probabilities.shape}; images, views and labels ask {shape}"
            )
        if self.features is not None and self.features.shape[:-1] != shape[:2]:
            raise InputError(f"features have shape {self.features.shape}; images and views ask {shape[:2]} and a width")
        if len(self.status) != len(self.ids):
            raise InputError(f"{len(self.status)} statuses for {len(self.ids)} images")
        for name, names in (("view", self.views), ("label", self.labels)):
            if len(set(names)) < len(names) or set(names) & {*_KEYS, _FEATURES}:
                raise InputError(f"{name} names must differ from one another and from {', '.join(_KEYS)}: {names}")
        if why := fault(self.dataset):
            raise InputError(
                f"dataset {printable(self.dataset)!r} {why}, and files are named by it: choose another name"
            )
        unfit = [i for i in self.ids if "/" in field_of(i) or not (i.isprintable() or printable(i) == i)]
        if unfit:
            shown = listing([printable(image_id) for image_id in unfit])
            raise InputError(f"{len(unfit)} Ids hold / or what cannot be printed, and files are named by Ids:\n{shown}")
        if wrong := [second for first, second in pairwise(self.ids) if second <= first]:
            raise InputError(f"{len(wrong)} Ids are repeated or not in ascending order:\n{listing(wrong)}")
        for name, values in (("probabilities", self.probabilities), ("features", self.features)):
            if values is not None:
                bad = ~np.isfinite(values).all(axis=(1, 2))
                _refuse(self.ids, self.ok & bad, f"called ok have a NaN or infinity in {name}")
        outside = (self.probabilities < 0) | (self.probabilities > 1)
        _refuse(self.ids, outside.any(axis=(1, 2)), "have probabilities outside 0..1")

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which images did not fail, shape (N,)."""
        return np.array([status == OK for status in self.status], bool)

    @property
    def failures(self) -> dict[str, str]:
        """Why each failed image failed, by Id."""
        return {i: status for i, status in zip(self.ids, self.status, strict=True) if status != OK}

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> "Predictions":
        """The images at these row numbers, which must ascend."""
        index = np.asarray(rows, np.int64)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in index),
            status=tuple(self.status[row] for row in index),
            probabilities=self.probabilities[index],
            features=None if self.features is None else self.features[index],
        )


class _Source(BaseModel):
    """Where the numbers of a file come from, as its metadata says it."""

    model_config = ConfigDict(strict=True)

    run: str
    fold: Annotated[int, Field(ge=0)] | None
    dataset: str
    checkpoint: str
    labels: tuple[str, ...]
    views: Annotated[tuple[str, ...], Field(min_length=1)]
    width: Annotated[int, Field(ge=1, le=2**16)] = 1  # of features, where there are any
    folder: str = ""

    @classmethod
    def of(cls, schema: pa.Schema) -> "_Source":
        try:
            return cls.model_validate_json((schema.metadata or {})[_METADATA])
        except ValidationError as error:
            raise ValueError("; ".join(mistakes(error))) from None


def join(parts: Iterable[Predictions], ids: Sequence[str]) -> Predictions:
    """Put together parts of one prediction, such as those of several ranks, holding one of them beside the result.

    Args:
        parts: Some of the images each.
        ids: The Ids wanted, ascending.

    Returns:
        For each Id its first good answer, or how it failed where there is none.

    Raises:
        InputError: The parts differ in anything but their images, or an Id is in none of them.
    """
    parts = iter(parts)
    if (first := next(parts, None)) is None:
        _refuse_absent(ids)
    row = {image_id: number for number, image_id in enumerate(ids)}
    status = [""] * len(ids)
    probabilities = np.full((len(ids), *first.probabilities.shape[1:]), np.nan, np.float32)
    features = None if first.features is None else np.full((len(ids), *first.features.shape[1:]), np.nan, np.float32)
    for part in chain([first], parts):
        for name in ("views", "labels", "run", "fold", "dataset", "checkpoint"):
            if (ours := getattr(first, name)) != (theirs := getattr(part, name)):
                raise InputError(f"parts of one prediction differ in {name}: {ours} and {theirs}")
        if (part.features is None) != (features is None):
            raise InputError("some parts of one prediction have features and some have none")
        taken = [number for number, i in enumerate(part.ids) if i in row and status[row[i]] != OK]
        places = [row[part.ids[number]] for number in taken]
        probabilities[places] = part.probabilities[taken]
        if features is not None and part.features is not None:
            features[places] = part.features[taken]
        for place, number in zip(places, taken, strict=True):
            status[place] = part.status[number]
    if absent := [image_id for image_id, known in zip(ids, status, strict=True) if not known]:
        _refuse_absent(absent)
    return replace(first, ids=tuple(ids), status=tuple(status), probabilities=probabilities, features=features)


def _refuse_absent(ids: Sequence[str]) -> NoReturn:
    raise InputError(
        f"{len(ids)} images are in no part: if their files were removed, the same command predicts them anew:\n"
        f"{listing(ids)}"
    )


def write(path: Path, predictions: Predictions) -> None:
    """Write a prediction file. Probabilities are clipped to the open interval (0, 1) of float32."""
    names = ("run", "fold", "dataset", "checkpoint", "labels", "views", "folder")
    source = {name: getattr(predictions, name) for name in names}
    count, answers = len(predictions.ids), [predictions.probabilities]
    if predictions.features is not None:
        source["width"] = predictions.features.shape[-1]
        answers.append(predictions.features)
    an_image = sum(values.nbytes for values in answers) // max(1, count)
    at_once = max(1, _ROW_GROUP // max(1, an_image))
    groups = (_table(predictions, start, min(start + at_once, count)) for start in range(0, max(count, 1), at_once))
    first = next(groups)
    schema = first.schema.with_metadata({_METADATA: json.dumps(source)})
    with (
        replacing(path) as temporary,
        # Without checksums of pages, three damaged bytes in ten are read as other numbers.
        pq.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=list(_KEYS), write_page_checksum=True
        ) as file,
    ):
        for group in chain([first], groups):
            file.write_table(group)


def _table(predictions: Predictions, start: int, stop: int) -> pa.Table:
    """The rows of the images from `start` to `stop`."""
    count, views = stop - start, len(predictions.views)
    status = np.array(predictions.status[start:stop], object)
    failed = np.repeat(status != OK, views)
    columns: dict[str, pa.Array] = {
        "Id": pa.DictionaryArray.from_arrays(
            np.repeat(np.arange(count, dtype=np.int32), views), pa.array(predictions.ids[start:stop], pa.string())
        ),
        "view": pa.DictionaryArray.from_arrays(np.tile(np.arange(views, dtype=np.int32), count), predictions.views),
        "status": pa.array(np.repeat(status, views), pa.string()).dictionary_encode(),
    }
    values = predictions.probabilities[start:stop].reshape(count * views, len(predictions.labels))
    for label, column in zip(predictions.labels, values.T, strict=True):
        columns[label] = pa.array(np.clip(column, LOWEST, HIGHEST).astype(np.float32, copy=False), mask=failed)
    if predictions.features is not None:
        # Not lists of fixed size: where one is null, pyarrow up to 24 at least does not write or read them.
        features = predictions.features[start:stop].astype(np.float32, copy=False).reshape(count * views, -1)
        ends = np.concatenate([[0], np.cumsum(~failed) * features.shape[1]]).astype(np.int32)
        columns[_FEATURES] = pa.ListArray.from_arrays(ends, features[~failed].ravel(), mask=pa.array(failed))
    return pa.table(columns)


def refuse_other(path: Path) -> None:
    """Raise `InputError` where another file than a prediction file lies, which one must not take the place of."""
    if not path.exists():
        return
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError, UnicodeError):
        metadata = {}
    if _METADATA not in metadata:
        raise InputError(f"{path} is there and is no prediction file: choose another output, or remove it")


def refuse_other_images(path: Path, folder: str) -> None:
    """Raise `InputError` where a prediction file lies that is about images of another folder than this one."""
    refuse_other(path)
    if not path.exists():
        return
    with reading(path, "is no prediction file of hpa_lit, or was changed"):
        theirs = _Source.of(pq.read_schema(path)).folder
    if theirs not in ("", folder):
        raise InputError(
            f"{path} holds answers about {theirs}, and these are about {folder}: set out=FILE, or remove it"
        )


def read(path: Path) -> Predictions:
    """Read a prediction file, or the table that `prediction_csv` writes where the name ends in .csv.

    Raises:
        InputError: There is no such file, it is no prediction file, or its content breaks the rules of `Predictions`.
    """
    if path.suffix == ".csv":
        from hpa_lit.files import prediction_csv  # here, since it builds on this file

        return prediction_csv.read(path)
    if not path.is_file():
        raise InputError(f"there is no prediction file {path}")
    with reading(path):
        table = _table_of(path)
    with reading(path, "is no prediction file of hpa_lit, or was changed"):
        source = _Source.of(table.schema)
        keys = {key: _names(table.column(key)).reshape(-1, len(source.views)) for key in _KEYS}
        probabilities = np.empty((table.num_rows, len(source.labels)), np.float32)
        for place, label in zip(probabilities.T, source.labels, strict=True):
            place[:] = table.column(label).to_numpy()
        features = None
        if _FEATURES in table.column_names:
            features = _features(table.column(_FEATURES), source.width)
    if (
        any((keys[key] != keys[key][:, :1]).any() for key in ("Id", "status"))
        or (keys["view"] != np.array(source.views, object)).any()
    ):
        raise InputError(f"{path}: not every image has one row for each of the views {', '.join(source.views)}")
    shape = keys["view"].shape
    try:
        return Predictions(
            ids=tuple(keys["Id"][:, 0]),
            status=tuple(keys["status"][:, 0]),
            views=source.views,
            labels=source.labels,
            probabilities=probabilities.reshape(*shape, len(source.labels)),
            run=source.run,
            fold=source.fold,
            dataset=source.dataset,
            checkpoint=source.checkpoint,
            folder=source.folder,
            features=None if features is None else features.reshape(*shape, source.width),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _table_of(path: Path) -> pa.Table:
    """All of a Parquet file, once its metadata says that there is not too much of it."""
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        values = sum(group.column(number).num_values for group in groups for number in range(group.num_columns))
        if max(values, file.metadata.num_rows) > MOST_VALUES:
            raise InputError(f"{path} says that it holds {values:,} values, more than {MOST_VALUES:,}: write it anew")
    return pq.read_table(path, read_dictionary=list(_KEYS), page_checksum_verification=True)


def _names(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """A column of texts, each of them there."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or kind not in (pa.string(), pa.large_string()):
        raise ValueError("there are rows without an Id, a view or a status, or these are no texts")
    return np.asarray(column.to_numpy(), object)


def _features(lists: pa.ChunkedArray, width: int) -> Floats:
    """The rows of a column of lists, NaN where one is null."""
    known = np.concatenate([chunk.flatten().to_numpy() for chunk in lists.chunks]).reshape(-1, width)
    rows = np.full((len(lists), width), np.nan, np.float32)
    rows[lists.is_valid().to_numpy()] = known
    return rows


def _refuse(ids: Sequence[str], rows: npt.ArrayLike, what: str) -> None:
    if refused := [ids[row] for row in np.flatnonzero(rows).tolist()]:
        raise InputError(f"{len(refused)} images {what}:\n{listing(refused)}")
