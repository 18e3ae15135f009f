"""What looks at many images, their labels and their folds amount to: findings, a line each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpa_lit.files import rgby
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.preflight.inspection import Defect, Look
from hpa_lit.stages.duplicates import match
from hpa_lit.stages.statistics import summarise

SHOWN = 3
# Channels are far from the expected where their mean is off by more than the expected standard deviation, or their own
# standard deviation by more than this factor.
FACTOR = 3.0

Looks = Mapping[str, Look | Defect]  # by Id
Fold = tuple[Sequence[str], Sequence[str]]  # Ids of the training and of the validation side


@dataclass(frozen=True)
class Finding:
    """One kind of finding.

    Args:
        level: ``error``: something cannot be used as it is; ``warning``: it can, perhaps in vain; ``ok``: good to know.
        kind: One word.
        said: What was found.
        examples: All that it was found in.
    """

    level: Literal["ok", "warning", "error"]
    kind: str
    said: str
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """A line with the first examples."""
        more = [f"and {len(self.examples) - SHOWN} more"] if len(self.examples) > SHOWN else []
        shown = "; ".join(self.examples[:SHOWN] + more)
        return f"{self.level:7}  {self.kind:10}  {self.said}" + (f"; {shown}" if shown else "")


def of_files(looks: Looks) -> list[Finding]:
    """How many images there are and which of them training refuses."""
    findings = [Finding("ok", "images", str(len(looks)))]
    defects = {image_id: look for image_id, look in looks.items() if isinstance(look, Defect)}
    for kind, said in (("planes", "planes are missing"), ("unusable", "not usable")):
        examples = [f"{image_id}: {look.why}" for image_id, look in defects.items() if look.kind == kind]
        findings += _listed("error", kind, said, examples)
    return findings


def of_channels(looks: Looks) -> list[Finding]:
    """What was taken for what in files that do not say it in our words."""
    return [Finding("ok", "channels", said) for said in rgby.said_of([look.taken for look in _good(looks).values()])]


def of_names(ids: Sequence[str]) -> list[Finding]:
    """Ids that a spreadsheet computes, where it opens a table that holds them as they are."""
    formulas = [repr(image_id) for image_id in ids if image_id.startswith(("=", "+", "-", "@"))]
    return _listed("warning", "formulas", "spreadsheets take these Ids for formulas", formulas)


def of_pixels(looks: Looks) -> list[Finding]:
    """Sizes and bit depths; planes that show nothing, too much, or what another plane should."""
    good = _good(looks)
    findings = []
    if good:
        sizes = Counter(look.size for look in good.values()).most_common()
        findings.append(Finding("ok", "sizes", ", ".join(f"{h} x {w} ({count})" for (h, w), count in sizes)))
        depths = Counter(look.bits for look in good.values()).most_common()
        said = ", ".join(f"{bits} ({count})" for bits, count in depths)
        if {12, 16} <= dict(depths).keys():
            said += "; 12 is a guess where no pixel exceeds 4095: if all are of one camera, set data.bits"
            findings.append(Finding("warning", "bits", said))
        else:
            findings.append(Finding("ok", "bits", said))
    oblong = [f"{i}: {look.size[0]} x {look.size[1]}" for i, look in good.items() if look.size[0] != look.size[1]]
    blank = [f"{i}: {', '.join(look.blank)}" for i, look in good.items() if look.blank]
    bright = [f"{i}: {', '.join(look.overexposed)}" for i, look in good.items() if look.overexposed]
    misplaced = [f"{i}: {look.misplaced}" for i, look in good.items() if look.misplaced]
    return [
        *findings,
        *_listed("warning", "oblong", "not square, will be squeezed", oblong),
        *_listed("warning", "blank", "a plane shows nothing", blank),
        *_listed("warning", "saturated", "a plane has many of the brightest pixels", bright),
        *_listed("warning", "swapped", "planes seem to be in each other's place", misplaced),
    ]


def of_statistics(looks: Looks, mean: Sequence[float], std: Sequence[float]) -> list[Finding]:
    """The channel statistics, beside those that training normalises by."""
    good = _good(looks)
    if not good:
        return []
    found = summarise([look.moments for look in good.values()])
    far = [
        color
        for color, m, s, mean_, std_ in zip(rgby.COLORS, found.mean, found.std, mean, std, strict=False)
        if abs(m - mean_) > std_ or not std_ / FACTOR < s < std_ * FACTOR
    ]
    if not far:
        return [Finding("ok", "statistics", str(found))]
    return [Finding("warning", "statistics", f"{', '.join(far)} far from data.mean and data.std; found {found}")]


def of_labels(
    ids: Sequence[str],
    labels: npt.NDArray[np.uint8],
    names: Sequence[str],
    looks: Looks,
    n_folds: int,
    own_list: bool = False,
) -> list[Finding]:
    """Counts of labels; rows and images without each other.

    Args:
        ids: Id of each row.
        labels: 0 or 1, shape (N, K).
        names: The K labels.
        looks: The images.
        n_folds: A label of fewer images is absent from a fold.
        own_list: Whether data.label_list can choose among the labels.
    """
    known, counts = set(ids), dict(zip(names, labels.sum(axis=0).tolist(), strict=True))
    common = sorted(counts.items(), key=lambda item: -item[1])
    said = f"{labels.sum() / max(1, len(ids)):.2f} an image; " + ", ".join(f"{name} {n}" for name, n in common if n)
    rare = [f"{name} {n}" for name, n in common if 0 < n < n_folds]
    absent = [name for name in names if not counts[name]]
    empty = [i for i, row in zip(ids, labels, strict=True) if not row.any()]
    without = [image_id for image_id in looks if image_id not in known]
    return [
        Finding("ok" if labels.any() else "error", "labels", said if labels.any() else "no image has a label"),
        *_absent(names, absent, own_list),
        *_listed("warning", "rare", f"fewer images than folds ({n_folds})", rare, "label"),
        *_listed("warning", "empty", "no label", empty, "row"),
        *_listed("error", "rows", "no image", [i for i in ids if i not in looks], "row"),
        *_listed("warning", "unlabelled", "no row, not used", without),
    ]


def of_folds(looks: Looks, folds: Sequence[Fold], max_distance: int) -> list[Finding]:
    """Images of one field of cells, and those of them on both sides of a fold; hashes as in `duplicates.match`."""
    good = _good(looks)
    if not good:
        return []
    ids, hashes = list(good), np.stack([look.hashes for look in good.values()])
    pairs = match(hashes, hashes, max_distance)
    pairs = pairs[pairs["query"] < pairs["gallery"]]
    sides = [dict.fromkeys(train, "train") | dict.fromkeys(valid, "valid") for train, valid in folds]
    leaks = []
    for one, other in zip(pairs["query"], pairs["gallery"], strict=True):
        found = [n for n, side in enumerate(sides) if {side.get(ids[one]), side.get(ids[other])} == {"train", "valid"}]
        if found:
            leaks.append(f"{ids[one]} and {ids[other]} (fold {', '.join(map(str, found))})")
    return [
        Finding("ok", "duplicates", f"{len(pairs)} pairs of images show the same field"),
        *_listed("warning", "leaks", "one field on both sides of a fold", leaks, "pair"),
    ]


def _absent(names: Sequence[str], absent: Sequence[str], own_list: bool) -> list[Finding]:
    """Labels that no image has, and how to learn the others alone."""
    if not 0 < len(absent) < len(names):
        return []
    present = [name for name in names if name not in absent]
    numbers = tuple(names) == LABEL_NAMES
    written = ",".join(str(LABEL_NAMES.index(name)) if numbers else f"'{name}'" for name in present)
    remedy = f"; data.label_list=[{written}] learns the others alone" if own_list else ""
    return [Finding("warning", "absent", f"{len(absent)} of {len(names)} labels have no image{remedy}", list(absent))]


def _good(looks: Looks) -> dict[str, Look]:
    return {image_id: look for image_id, look in looks.items() if isinstance(look, Look)}


def _listed(
    level: Literal["warning", "error"], kind: str, said: str, found: list[str], noun: str = "image"
) -> list[Finding]:
    """One finding, or none where nothing was found."""
    return [Finding(level, kind, f"{len(found)} {noun}{'s' * (len(found) != 1)}: {said}", found)] if found else []
