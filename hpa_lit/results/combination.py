"""An ensemble of prediction files: which of them belong together, and that they do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpa_lit.errors import InputError, listing
from hpa_lit.files.prediction_file import ALL_VIEWS, OK, Predictions
from hpa_lit.results.ensemble import How, out_of_fold, over_duplicates, over_folds, over_views
from hpa_lit.results.files import good_rows

VALIDATION = "valid"  # the dataset that differs from fold to fold


def combine(
    files: Mapping[str, Predictions],
    views: How = "maximum",
    weights: Sequence[float] | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    folds: Sequence[int] | None = None,
    on_failed: str = "error",
) -> Predictions:
    """Combine views, then models and folds, then duplicates, method 9.

    Files of a dataset that is the same for every fold are averaged. Validation files of one fold are averaged, and
    the folds stacked: out-of-fold predictions.

    Args:
        files: Predictions by the name that messages give them.
        views: How the views of a file are combined.
        weights: One for each file; equal when None.
        pairs: Ids of near-identical images, in order.
        folds: The folds that every run must bring; when None, those that any run brings.
        on_failed: "error" refuses images that failed in any file, "drop" leaves them out.

    Returns:
        Predictions of one view, "all", without features.

    Raises:
        InputError: Files differ in labels, dataset or Ids, a fold is missing or there twice, or an image failed.
    """
    if not files:
        raise InputError("there is no prediction file to combine")
    if weights is not None and len(weights) != len(files):
        raise InputError(f"{len(weights)} weights for {len(files)} prediction files")
    if unlabelled := [name for name, file in files.items() if not file.labels]:
        raise InputError(f"{unlabelled[0]} holds no probabilities, but features of an embedder: leave it out")
    _check_alike(files, "labels")
    _check_alike(files, "dataset")
    _check_folds(files, folds)
    first = next(iter(files.values()))
    groups: dict[int | None, dict[str, Predictions]] = defaultdict(dict)
    for name, file in files.items():
        groups[file.fold if first.dataset == VALIDATION else None][name] = file
    share = dict(zip(files, weights, strict=True)) if weights is not None else {}
    ids, stacked, dropped = [], [], set()
    for group in groups.values():
        good = good_rows(group, on_failed)
        known = next(iter(group.values())).ids
        ids.append([known[row] for row in good])
        dropped |= set(known) - set(ids[-1])
        stack = [over_views(file.probabilities[good].transpose(1, 0, 2), views) for file in group.values()]
        stacked.append(over_folds(np.stack(stack), [share[name] for name in group] if share else None))
    all_ids, values = out_of_fold(ids, stacked)
    values = over_duplicates(values, all_ids, [pair for pair in pairs if not dropped & set(pair)])
    return replace(
        first,
        ids=tuple(all_ids),
        status=(OK,) * len(all_ids),
        views=(ALL_VIEWS,),
        probabilities=values[:, None].astype(np.float32),
        run=", ".join(dict.fromkeys(file.run for file in files.values())),
        fold=None,
        checkpoint=", ".join(dict.fromkeys(file.checkpoint for file in files.values())),
        features=None,
    )


def _check_alike(files: Mapping[str, Predictions], what: str) -> None:
    (name, first), *others = files.items()
    for other, file in others:
        if (ours := getattr(first, what)) != (theirs := getattr(file, what)):
            raise InputError(f"{name} and {other} differ in {what}: {ours} and {theirs}")


def _check_folds(files: Mapping[str, Predictions], folds: Sequence[int] | None) -> None:
    where: dict[tuple[str, int | None], str] = {}
    for name, file in files.items():
        if (other := where.setdefault((file.run, file.fold), name)) != name:
            raise InputError(f"{other} and {name} are both fold {file.fold} of run {file.run}: leave one out")
    wanted = {file.fold for file in files.values() if file.fold is not None} if folds is None else set(folds)
    problems = []
    for run in dict.fromkeys(file.run for file in files.values()):
        have = {file.fold for file in files.values() if file.run == run}
        if have != {None}:
            problems += [f"run {run} lacks fold {fold}" for fold in sorted(wanted - have)]
            problems += [f"run {run} brings fold {fold}, which is not among {sorted(wanted)}" for fold in have - wanted]
        if len({file.views for file in files.values() if file.run == run}) > 1:
            problems.append(f"run {run} was predicted with other views in one fold than in another")
    if problems:
        raise InputError(f"the folds do not fit together:\n{listing(problems)}")
