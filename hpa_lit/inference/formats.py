"""Predictions in the formats of other programs."""

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.writing import replacing
from hpa_lit.inference.answering import Answered, answered
from hpa_lit.results.decision import Decision

if TYPE_CHECKING:
    from anndata import AnnData

FORMATS = ("npz", "h5ad")


def check_format(name: str) -> None:
    """Raise `InputError` where a format is unknown, or what writes it is not installed."""
    if name not in FORMATS:
        raise InputError(f"there is no format {name}; there are parquet, {', '.join(FORMATS)}")
    if name == "h5ad" and find_spec("anndata") is None:
        raise InputError("h5ad files need anndata, which is not installed: pip install 'hpa-lit[portable]'")


def refuse_other(path: Path) -> None:
    """Raise `InputError` where another file lies than one that `export` made, which it must not take the place of."""
    if not path.exists():
        return
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as file:
                ours = {"ids.npy", "status.npy", "probs.npy", "feats.npy"} == set(file.namelist())
        else:
            import h5py

            with h5py.File(path) as file:
                ours = {"run", "dataset", "checkpoint", "labels"} <= set(file.get("uns", ()))
    except (OSError, zipfile.BadZipFile):
        ours = False
    if not ours:
        raise InputError(f"{path} is there and holds no features of hpa_lit: choose another out, or remove it")


def export(path: Path, predictions: Predictions, decision: Decision | None = None) -> None:
    """Write predictions of one view, with features, in the format that the file's name ends in.

    - npz: ids (N,), status (N,), probs (N, K) as the network gives them, and feats (N, D); NaN where an image failed.
    - h5ad: what `as_anndata` gives.

    Args:
        path: The file to write.
        predictions: N images.
        decision: How probabilities become answers.
    """
    suffix = path.suffix.removeprefix(".")
    check_format(suffix)
    features = predictions.features
    if len(predictions.views) > 1 or features is None:
        raise InputError(f"a {suffix} file holds one view with features; these are {len(predictions.views)} views")
    with replacing(path) as temporary:
        if suffix == "h5ad":
            answers = answered(predictions, decision) if predictions.labels else None
            as_anndata(predictions, answers).write_h5ad(temporary)
            return
        ids, status = np.array(predictions.ids), np.array(predictions.status)
        with temporary.open("wb") as file:
            np.savez(file, ids=ids, status=status, probs=predictions.probabilities[:, 0], feats=features[:, 0])


def as_anndata(predictions: Predictions, answers: Answered | None) -> "AnnData":
    """Features as AnnData, which scanpy takes as it is: an observation for each image that did not fail.

    - X: features of the whole image, (N, D) float32; obs_names: Ids.
    - obs: of a classifier locations, the labels given in words, and location, the most probable one, to color by.
    - obsm["probabilities"]: what the answers were made from, a column for each of uns["labels"].
    - uns: run, dataset, checkpoint, labels, and failed, the images left out, each with its reason.

    Args:
        predictions: With features.
        answers: What is answered about the same images; None of an embedder.

    Raises:
        InputError: anndata is not installed.
    """
    check_format("h5ad")
    from anndata import AnnData

    assert predictions.features is not None
    good, labels = predictions.ok, list(predictions.labels)
    ids = pd.Index([i for i, ok in zip(predictions.ids, good, strict=True) if ok], dtype=object)
    obs, obsm = pd.DataFrame(index=ids), {}
    if answers is not None:
        words = [", ".join(given) for given, ok in zip(answers.in_words(), good, strict=True) if ok]
        top = [labels[label] for label in answers.probabilities[good].argmax(axis=1)]
        obs["locations"] = pd.Categorical(words)
        obs["location"] = pd.Categorical(top, [label for label in labels if label in top])
        obsm["probabilities"] = answers.probabilities[good]
    uns: dict[str, Any] = {name: getattr(predictions, name) or "" for name in ("run", "dataset", "checkpoint")}
    uns["labels"] = np.array(labels, dtype=str)
    uns["failed"] = np.array([f"{i}: {reason}" for i, reason in predictions.failures.items()], dtype=str)
    return AnnData(predictions.features[good, 0], obs=obs, obsm=obsm, uns=uns)


def refuse_failed(predictions: Predictions, output: Path) -> None:
    """Raise `InputError` that names the images that could not be read, if there are any."""
    if failures := [f"{i}: {reason.removeprefix(f'{i}: ')}" for i, reason in predictions.failures.items()]:
        raise InputError(
            f"{len(failures)} of {len(predictions.ids)} images could not be read; their rows in {output} are empty:\n"
            f"{listing(failures)}"
        )
