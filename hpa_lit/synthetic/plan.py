"""Which picture shows what: antibodies, their labels, and the duplicates to be found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import ImageSet
from hpa_lit.labels import LABEL_NAMES

# Every part of an atlas has its own generator, default_rng([seed, part, number]): any order gives the same atlas.
PLAN, STYLE, FIELD, COPY, MIXED = range(5)
# How many percent of the competition's training images carry each label.
PERCENT = (41, 4, 12, 5, 6, 8, 3, 9, 0.2, 0.1, 0.1, 4, 2, 2, 3, 0.1, 2, 0.7, 3, 5, 0.6, 12, 3, 10, 1, 26, 1, 0.1)
# Every antibody has a main label, drawn nearly evenly, so that rare labels can be learned from a few hundred fields;
# further labels follow the frequencies above. The shares of antibodies with one, two and three labels are real.
EVENNESS = 0.8
LABEL_COUNTS = (0.49, 0.4, 0.11)
MISLABELLED = 0.1  # share of external antibodies with a label too many, which the corrections take away
FREQUENT = (0, 25, 21)  # the labels too many; none of those that corrections must not touch

Kind = Literal["train-external equal", "train-external different", "test-external", "test-test"]


@dataclass(frozen=True)
class Entry:
    """One image of the atlas."""

    image_set: ImageSet
    image_id: str
    antibody: int  # number of its antibody, which decides labels and style
    field: int  # number of the field it shows
    labels: tuple[int, ...]  # what it shows, the main label first
    target: str  # what its table says
    is_copy: bool = False  # its field is that of another image, photographed again


@dataclass(frozen=True)
class Plan:
    """All images, and what is hidden in them."""

    entries: list[Entry]
    planted: pd.DataFrame  # kind, query, gallery: Ids that show the same field
    corrections: pd.DataFrame  # Id, Target

    def of(self, image_set: ImageSet) -> list[Entry]:
        """The images of a set by Id."""
        return sorted((e for e in self.entries if e.image_set == image_set), key=lambda entry: entry.image_id)


def make_plan(
    fields: int, test_share: float, external_share: float, images_per_antibody: int, duplicates: int, seed: int
) -> Plan:
    """Plan an atlas.

    Args:
        fields: Images in all.
        test_share: Part of them that is the test set.
        external_share: Part of them that is external.
        images_per_antibody: Mean number of images of an antibody, and the least number of external ones.
        duplicates: Pairs to plant of each `Kind`.
        seed: The plan is a function of it and the numbers above.

    Raises:
        InputError: The sets are too small for the duplicates.
    """
    rng = np.random.default_rng([seed, PLAN])
    test, external = round(fields * test_share), round(fields * external_share)
    train = fields - test - external
    antibodies = _antibody_labels(max(1, fields // images_per_antibody), rng)
    in_external = rng.permutation(len(antibodies))[: max(2, external // images_per_antibody)]
    mislabelled = set(in_external[: max(1, round(MISLABELLED * len(in_external)))].tolist())

    outside = _external_entries(range(train + test, fields), in_external.tolist(), antibodies, mislabelled, rng)
    twins = rng.permutation([row for row, entry in enumerate(outside) if entry.antibody not in mislabelled])
    if train < max(1, 2 * duplicates) or test < 3 * duplicates or len(twins) < 3 * duplicates or external < 3:
        raise InputError(
            f"{train} train, {test} test and {external} external images are too few: an atlas has 3 external ones at "
            f"least, and for {duplicates} duplicates of each kind {2 * duplicates} train, {3 * duplicates} test and "
            f"{3 * duplicates} well labelled external ones; set draw.fields or the shares of these sets higher, or "
            "draw.duplicates lower"
        )
    twins = twins[: 3 * duplicates]

    of_train = [outside[row].antibody for row in twins[: 2 * duplicates]]
    of_train += [k % len(antibodies) for k in range(train - len(of_train))]
    of_test = [outside[row].antibody for row in twins[2 * duplicates :]]
    of_test += rng.integers(0, len(antibodies), test - len(of_test)).tolist()
    inside = [
        Entry("train" if k < train else "test", _uuid(rng), a, k, antibodies[a], _target(antibodies[a]))
        for k, a in enumerate(of_train + of_test)
    ]

    planted: list[tuple[Kind, str, str]] = []
    inner = [*range(2 * duplicates), *range(train, train + duplicates)]
    for number, (here, there) in enumerate(zip(inner, twins.tolist(), strict=True)):
        kind: Kind = ("train-external equal", "train-external different", "test-external")[number // duplicates]
        target = outside[there].target
        if kind == "train-external different":
            target += f" {rng.choice(np.setdiff1d(range(len(LABEL_NAMES)), outside[there].labels))}"
        outside[there] = replace(outside[there], field=inside[here].field, target=target, is_copy=True)
        planted.append((kind, inside[here].image_id, outside[there].image_id))
    for number in range(train + duplicates, train + 2 * duplicates):
        source = inside[number + duplicates]
        inside[number] = replace(source, image_id=inside[number].image_id, is_copy=True)
        planted.append(("test-test", inside[number].image_id, source.image_id))

    corrections = [
        (entry.image_id.replace("_", "/", number % 2), _target(entry.labels))
        for number, entry in enumerate(e for e in outside if e.antibody in mislabelled)
    ]
    return Plan(
        inside + outside,
        pd.DataFrame(planted, columns=["kind", "query", "gallery"]),
        pd.DataFrame(corrections, columns=["Id", "Target"]),
    )


def _target(labels: Sequence[int]) -> str:
    return " ".join(map(str, labels))


def _antibody_labels(count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Labels of each antibody, the main one first; each label is the main one of its share of them, give or take 1.

    Rare main labels come first, so that where images are dealt out in turn, theirs are never the fewer.
    """
    frequency = np.array(PERCENT) / sum(PERCENT)
    share = EVENNESS / len(PERCENT) + (1 - EVENNESS) * frequency
    main = np.searchsorted(np.cumsum(share), (np.arange(count) + rng.random()) / count * (1 - 1e-9))
    answers = []
    for label in sorted(main.tolist(), key=lambda label: PERCENT[label]):
        others = frequency * (np.arange(len(PERCENT)) != label)
        more = int(rng.choice(len(LABEL_COUNTS), p=LABEL_COUNTS))
        answers.append((label, *rng.choice(len(PERCENT), more, replace=False, p=others / others.sum()).tolist()))
    return answers


def _external_entries(
    fields: range,
    numbers: list[int],
    antibodies: list[tuple[int, ...]],
    mislabelled: set[int],
    rng: np.random.Generator,
) -> list[Entry]:
    """External images with Ids ``<antibody>_<plate>_<well>_<n>``; one in fifty has a fifth part, as real ones do."""
    names = rng.choice(np.arange(100, 80_000), len(numbers), replace=False).tolist()
    wells = {
        number: f"{name}_{rng.integers(1, 2000)}_{rng.choice(list('ABCDEFGH'))}{rng.integers(1, 13)}"
        for number, name in zip(numbers, names, strict=True)
    }
    entries = []
    for k, field in enumerate(fields):
        number = numbers[k % len(numbers)]
        shown = antibodies[number]
        wrong = [label for label in FREQUENT if label not in shown][:1] if number in mislabelled else []
        fifth = f"_cr{rng.bytes(6).hex()}" if k % 50 == 7 else ""
        image_id = f"{wells[number]}_{k // len(numbers) + 1}{fifth}"
        entries.append(Entry("external", image_id, number, field, shown, _target([*shown, *wrong])))
    return entries


def _uuid(rng: np.random.Generator) -> str:
    digits = rng.bytes(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
