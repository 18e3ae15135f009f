"""What was answered about some images, beside what is true: the cells that are right, missed or false alarms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpa_lit.results.arrays import Doubles, LabelMatrix


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """Answers about N images, with K labels.

    Attributes:
        ids: N Ids.
        names: K label names.
        probs: Shape (N, K), 0..1.
        given: The labels that each image was given, 0/1, shape (N, K).
        thresholds: The probabilities above which labels were given, shape (K,); None where they are not known.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    probs: Doubles
    given: LabelMatrix
    thresholds: Doubles | None

    @property
    def from_threshold(self) -> Doubles | None:
        """How far the nearest probability of each image lies from its threshold, shape (N,): near 0 is undecided."""
        return None if self.thresholds is None else np.abs(self.probs - self.thresholds).min(axis=1)

    @property
    def overruled(self) -> int:
        """How many images have another answer than the thresholds give, such as a neighbour's; 0 without them."""
        if self.thresholds is None:
            return 0
        return int(((self.probs > self.thresholds) != self.given).any(axis=1).sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedAnswers(Answers):
    """Answers beside the truth.

    Attributes:
        truth: The labels that each image has, 0/1, shape (N, K).
    """

    truth: LabelMatrix

    @property
    def hits(self) -> LabelMatrix:
        """The labels that an image has and was given, 0/1, shape (N, K)."""
        return self.truth & self.given

    @property
    def misses(self) -> LabelMatrix:
        """The labels that it has and was not given."""
        return self.truth & (1 - self.given)

    @property
    def false_alarms(self) -> LabelMatrix:
        """The labels that it was given and does not have."""
        return self.given & (1 - self.truth)

    @property
    def mistakes(self) -> npt.NDArray[np.int64]:
        """How many labels of each image are missed or false alarms, shape (N,)."""
        return np.asarray((self.misses + self.false_alarms).sum(axis=1), np.int64)


def image_table(answers: Answers) -> pd.DataFrame:
    """The answer about every image; with the truth those with most mistakes first, else in their order.

    Returns:
        Id, given; with the truth also true, missed, false_alarms (labels in words, empty for none) and mistakes; then
        highest_probability, and with thresholds from_threshold.
    """
    table = pd.DataFrame({"Id": answers.ids, "given": in_words(answers.given, answers.names)})
    if isinstance(answers, JudgedAnswers):
        parts = {"true": answers.truth, "missed": answers.misses, "false_alarms": answers.false_alarms}
        table = table.assign(**{name: in_words(rows, answers.names) for name, rows in parts.items()})
        table["mistakes"] = answers.mistakes
    table["highest_probability"] = answers.probs.max(axis=1)
    if answers.from_threshold is not None:
        table["from_threshold"] = answers.from_threshold
    if isinstance(answers, JudgedAnswers):
        return table.sort_values("mistakes", ascending=False, kind="stable", ignore_index=True)
    return table


def in_words(rows: npt.ArrayLike, names: Sequence[str]) -> list[str]:
    """The names of each row's labels, such as "Nucleoplasm, Cytosol"; an empty text for none."""
    return [", ".join(names[label] for label in np.flatnonzero(row).tolist()) for row in np.asarray(rows)]
