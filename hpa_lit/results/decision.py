"""How a model's probabilities become answers: calibrated, and compared with a threshold. method 10."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator
from scipy.special import expit, logit

from hpa_lit.errors import InputError, mistakes
from hpa_lit.files.prediction_file import HIGHEST, LOWEST
from hpa_lit.files.reading import reading
from hpa_lit.results import thresholds
from hpa_lit.results.arrays import Doubles

Share = Annotated[float, Field(ge=0, le=1)]
Method = Literal["none", "temperature", "isotonic"]
Rule = Literal["half", "common", "each"]


class _Plain(BaseModel):
    """Plain values that lie in files of others: no text stands for a number, and nothing is NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Calibration(_Plain):
    """What makes the probabilities of one label mean what they say.

    Attributes:
        method: none leaves them as they are; temperature divides their log-odds; isotonic reads them off a curve that
            never falls.
        temperature: What log-odds are divided by.
        given: Probabilities where the curve has a corner, ascending; straight lines between, level beyond.
        meant: What the curve says there.
    """

    method: Method = "none"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    given: tuple[Share, ...] = ()
    meant: tuple[Share, ...] = ()

    @model_validator(mode="after")
    def _check_curve(self) -> Self:
        if len(self.given) != len(self.meant) or (self.method == "isotonic") != bool(self.given):
            raise ValueError(f"{len(self.given)} corners with {len(self.meant)} values do not go with {self.method}")
        if any(b <= a for a, b in pairwise(self.given)) or any(b < a for a, b in pairwise(self.meant)):
            raise ValueError("the curve falls")
        return self

    def __call__(self, probs: Doubles) -> Doubles:
        """Calibrated probabilities in the place of these, of any shape; NaN stays."""
        if self.method == "temperature":
            return np.asarray(expit(logit(np.clip(probs, LOWEST, HIGHEST)) / self.temperature), np.float64)
        if self.method == "isotonic":
            return np.asarray(np.interp(probs, self.given, self.meant), np.float64)
        return probs


class Decision(_Plain):
    """How the probabilities of a model become answers, and what to expect of these.

    Attributes:
        labels: K label names.
        calibration: Of each label's probabilities.
        thresholds: Of each label: the calibrated probability above which it is given.
        rule: How the thresholds were chosen: half, 0.5 for all; common, another for all; each, one for each label.
        images: How many images all this was fitted on.
        dataset: Which: valid, the images that the run was validated on.
        views: How the model looked at them.
        present: How many labels some of these images have.
        macro_f1: To expect: over these labels, of images that the fit did not see.
        macro_f1_interval: Bounds of its 95 % bootstrap interval over images.
    """

    labels: tuple[str, ...]
    calibration: tuple[Calibration, ...]
    thresholds: tuple[Share, ...]
    rule: Rule
    images: PositiveInt
    dataset: str
    views: Annotated[tuple[str, ...], Field(min_length=1)]
    present: NonNegativeInt
    macro_f1: Share
    macro_f1_interval: tuple[Share, Share]

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if not len(self.labels) == len(self.calibration) == len(self.thresholds):
            counts = f"{len(self.labels)} labels, {len(self.calibration)} calibrations"
            raise ValueError(f"{counts} and {len(self.thresholds)} thresholds do not go together")
        return self

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The decision that `to_plain` gave.

        Raises:
            InputError: It is none, or does not hold together.
        """
        try:
            return cls.model_validate_json(json.dumps(plain))
        except ValidationError as error:
            raise InputError(f"the decision cannot be used: {mistakes(error)[0]}") from error
        except TypeError as error:  # JSON's of what is no plain container
            raise InputError(f"the decision cannot be used: {error}") from error

    @classmethod
    def read(cls, path: Path, labels: Sequence[str]) -> Self:
        """The decision about these labels in a JSON file.

        Raises:
            InputError: It cannot be read, does not hold together, or is about other labels.
        """
        with reading(path):
            text = path.read_text()
        try:
            decision = cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"{path} holds no decision: {mistakes(error)[0]}") from error
        if decision.labels != tuple(labels):
            raise InputError(f"{path} is about {', '.join(decision.labels)}, and not about {', '.join(labels)}")
        return decision

    def to_plain(self) -> dict[str, Any]:
        """Plain containers, as JSON and checkpoints take them."""
        return self.model_dump(mode="json")

    def calibrated(self, probs: npt.ArrayLike) -> Doubles:
        """Probabilities that mean what they say, (N, K).

        Args:
            probs: As the network gives them, shape (N, K), or (N, V, K) of V views: each view is calibrated, since the
                fit saw one, and their mean taken. NaN stays.
        """
        values = np.asarray(probs, np.float64)
        if values.ndim not in (2, 3) or values.shape[-1] != len(self.labels):
            raise InputError(f"probabilities have shape {values.shape}; expected (images, {len(self.labels)})")
        found = calibrated(self.calibration, values)
        return found if found.ndim == 2 else found.mean(axis=1)

    def answers(self, probs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """The labels to give, (N, K): those above their threshold, the most probable in any case.

        Args:
            probs: As the network gives them, shape (N, K), or (N, V, K); no NaN.
        """
        return thresholds.assign(self.calibrated(probs), self.thresholds).astype(bool)

    def __str__(self) -> str:
        low, high = min(self.thresholds), max(self.thresholds)
        limits = f"{low:.2g}" if low == high else f"thresholds of {low:.2g} to {high:.2g}, by label,"
        bottom, top = self.macro_f1_interval
        over = "all labels"
        if self.present < len(self.labels):
            over = f"the {self.present} of {len(self.labels)} labels that these have"
        return (
            f"probabilities are {_said(self.calibration)}; labels above {limits} are given; both fitted on "
            f"{self.images} images (dataset={self.dataset}), with a macro F1 to expect of {self.macro_f1:.2f} "
            f"({bottom:.2f} to {top:.2f}) over {over}"
        )


def _said(calibration: Sequence[Calibration]) -> str:
    """What was done to the probabilities of how many labels."""
    shared = [f"{each.temperature:.3g}" for each in calibration if each.method == "temperature"]
    words = {
        "none": "left as they are",
        "temperature": f"calibrated by one temperature of {', '.join(shared[:1])}",
        "isotonic": "calibrated by a curve of their own",
    }
    counts = Counter(each.method for each in calibration)
    if len(counts) == 1:
        return words[next(iter(counts))]
    return ", ".join(f"{words[method]} ({count} label{'s' * (count > 1)})" for method, count in counts.items())


def calibrated(calibration: Sequence[Calibration], probs: Doubles) -> Doubles:
    """Probabilities (..., K), each label's calibrated."""
    return np.stack([calibrate(probs[..., label]) for label, calibrate in enumerate(calibration)], axis=-1)
