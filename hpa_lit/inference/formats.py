"""Predictions in the formats of other programs."""

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from hpa_lit.errors import InputError, listing
from hpa_lit.files.prediction_file import Predictions
from hpa_lit.files.writing import replacing

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


def export(path: Path, predictions: Predictions) -> None:
    """Write predictions in the format that the file's name ends in.

    - npz: ids (N,), status (N,), probs (N, K), and feats (N, D) where there are features. One view.
    - h5ad: AnnData of the features, obs_names the Ids, obsm["probabilities"], label names in uns["labels"]. One view.

    Images that failed have empty cells or NaN.

    Args:
        path: The file to write.
        predictions: N images.
    """
    suffix = path.suffix.removeprefix(".")
    check_format(suffix)
    with replacing(path) as temporary:
        probabilities = predictions.probabilities[:, 0]
        features = None if predictions.features is None else predictions.features[:, 0]
        if len(predictions.views) > 1 or features is None:
            raise InputError(f"a {suffix} file holds one view with features; these are {len(predictions.views)} views")
        ids, status = np.array(predictions.ids), np.array(predictions.status)
        if suffix == "npz":
            with temporary.open("wb") as file:
                np.savez(file, ids=ids, status=status, probs=probabilities, feats=features)
            return
        from anndata import AnnData

        table = pd.DataFrame({"status": pd.Categorical(status)}, index=pd.Index(ids, dtype=object))
        uns = {name: getattr(predictions, name) or "" for name in ("run", "dataset", "checkpoint")}
        uns["labels"] = np.array(predictions.labels, dtype=str)
        AnnData(features, obs=table, obsm={"probabilities": probabilities}, uns=uns).write_h5ad(temporary)


def refuse_failed(predictions: Predictions, output: Path) -> None:
    """Raise `InputError` that names the images that could not be read, if there are any."""
    if failures := [f"{i}: {reason.removeprefix(f'{i}: ')}" for i, reason in predictions.failures.items()]:
        raise InputError(
            f"{len(failures)} of {len(predictions.ids)} images could not be read; their rows in {output} are empty:\n"
            f"{listing(failures)}"
        )
