"""Which images to look at: hits, misses and false alarms of each label, and labels that may be wrong."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.results.answers import Answers, image_table
from hpa_lit.results.arrays import Doubles, probabilities, targets


def choose(
    target: npt.ArrayLike | None,
    probs: npt.ArrayLike,
    predicted: npt.ArrayLike,
    ids: Sequence[str],
    names: Sequence[str],
) -> pd.DataFrame:
    """All images worth a look: with the truth `outcomes` and `label_errors`, without it `surest`."""
    if target is None:
        return surest(probs, predicted, ids, names)
    found = outcomes(target, probs, predicted, ids, names)
    return pd.concat([found, label_errors(target, probs, ids, names)], ignore_index=True)


def foremost(found: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first hit, or surest image, of each label, those labels first that have most of them; at most `most` rows."""
    good = found[found["kind"].isin(["hit", "surest"])]
    common = good.groupby("label", sort=False).size().sort_values(ascending=False, kind="stable").index[:most]
    return good.drop_duplicates("label").set_index("label").loc[common].reset_index()


def pictured(answers: Answers, found: pd.DataFrame, shown: int, most: int) -> list[str]:
    """The Ids to show pictures of: those of the examples in any case, and more of `image_table` until they are enough.

    Args:
        answers: All of them.
        found: Examples, as `choose` gives them.
        shown: How many examples of each label and kind have a picture.
        most: How many images have one, where the examples are fewer.
    """
    first = found.groupby(["label", "kind"]).head(shown)["Id"].unique().tolist()
    return list(dict.fromkeys([*first, *image_table(answers)["Id"]]))[: max(most, len(first))]


def surest(probs: npt.ArrayLike, predicted: npt.ArrayLike, ids: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """The images given each label, the most probable first.

    Args:
        probs: Shape (N, K).
        predicted: 0/1, shape (N, K).
        ids: N Ids.
        names: K label names.

    Returns:
        Rows label, kind ("surest"), Id, probability.
    """
    values = probabilities("probabilities", probs)
    return _ranked(targets("predicted labels", predicted, values.shape) == 1, -values, "surest", values, ids, names)


def outcomes(
    target: npt.ArrayLike, probs: npt.ArrayLike, predicted: npt.ArrayLike, ids: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """Hits, images that have a label and were given it; misses, that only have it; false alarms, only given it.

    Hits and false alarms come with the most probable first, misses with the least probable first.

    Args:
        target: 0/1, shape (N, K).
        probs: Shape (N, K).
        predicted: 0/1, shape (N, K).
        ids: N Ids.
        names: K label names.

    Returns:
        Rows label, kind ("hit", "miss" or "false_alarm"), Id, probability.
    """
    values = probabilities("probabilities", probs)
    truth, given = (targets("labels", array, values.shape) == 1 for array in (target, predicted))
    kinds = {
        "hit": (truth & given, -values),
        "miss": (truth & ~given, values),
        "false_alarm": (~truth & given, -values),
    }
    return pd.concat([_ranked(chosen, order, kind, values, ids, names) for kind, (chosen, order) in kinds.items()])


def label_errors(target: npt.ArrayLike, probs: npt.ArrayLike, ids: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Labels that a confident prediction contradicts, after confident learning (Northcutt, Jiang and Chuang 2021).

    A label may be missing where the model gives it more than one half and at least the probability that images with
    the label have on average; it may be wrong where the same holds of its absence. Those come first whose own label
    has the least probability compared with the average of the images labelled alike. Only predictions by a model that
    did not train on these images can tell.

    Args:
        target: 0/1, shape (N, K).
        probs: Shape (N, K).
        ids: N Ids.
        names: K label names.

    Returns:
        Rows label, kind ("error"), Id, probability: above one half the label may be missing, below it may be wrong. A
        label that all images or none have, has no rows.
    """
    values = probabilities("probabilities", probs)
    has = targets("targets", target, values.shape) == 1
    own = np.where(has, values, 1 - values)  # probability of the label as it stands
    present, absent = has.sum(axis=0), (~has).sum(axis=0)
    with_it = np.where(has, own, 0).sum(axis=0) / np.maximum(present, 1)
    without = np.where(has, 0, own).sum(axis=0) / np.maximum(absent, 1)
    usual_here, usual_there = np.where(has, with_it, without), np.where(has, without, with_it)
    contradicted = (own < 0.5) & (1 - own >= usual_there) & (present > 0) & (absent > 0)
    return _ranked(contradicted, own - usual_here, "error", values, ids, names)


def _ranked(
    chosen: npt.NDArray[np.bool_], order: Doubles, kind: str, values: Doubles, ids: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """The chosen cells label by label, the lowest of `order` first; all arrays of shape (N, K)."""
    labels, images = np.nonzero(chosen.T)
    turn = np.lexsort((order[images, labels], labels))
    labels, images = labels[turn], images[turn]
    columns = {
        "label": np.array(names, object)[labels],
        "kind": kind,
        "Id": np.array(ids, object)[images],
        "probability": values[images, labels],
    }
    return pd.DataFrame(columns)
