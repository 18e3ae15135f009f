import numpy as np
import pandas as pd
import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.data_tree import ImageSet
from hpa_lit.labels import encode_all
from hpa_lit.synthetic.plan import Plan, make_plan


def plan(fields: int = 300, duplicates: int = 6, seed: int = 0) -> Plan:
    return make_plan(fields, 0.2, 0.3, 4, duplicates, seed)


def targets(of: Plan, image_set: ImageSet) -> pd.Series:
    return pd.Series({entry.image_id: entry.target for entry in of.of(image_set)})


@pytest.mark.parametrize("seed", range(5))
def test_every_label_can_be_learned_and_frequent_ones_are_frequent(seed: int) -> None:
    counts = encode_all(targets(plan(seed=seed), "train").tolist()).sum(axis=0)
    assert counts.min() >= 4
    assert counts[0] > 3 * np.median(counts)  # nucleoplasm
    assert set(np.argsort(counts)[-3:]) & {0, 25, 21, 7, 23} >= {0}


def test_sets_have_their_sizes_and_ids_their_forms() -> None:
    of = plan()
    assert [len(of.of(name)) for name in ("train", "test", "external")] == [150, 60, 90]
    assert len({entry.image_id for entry in of.entries}) == 300
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert targets(of, "train").index.str.fullmatch(uuid).all()
    external = targets(of, "external").index
    assert external.str.fullmatch(r"\d+_\d+_[A-H]\d+_\d+(_cr[0-9a-f]+)?").all()
    assert 1 <= (external.str.count("_") == 4).sum() <= 5


def test_images_of_an_antibody_share_labels_and_name() -> None:
    names: dict[int, set[str]] = {}
    labels: dict[int, set[tuple[int, ...]]] = {}
    for entry in plan().entries:
        labels.setdefault(entry.antibody, set()).add(entry.labels)
        if entry.image_set == "external":
            names.setdefault(entry.antibody, set()).add(entry.image_id.split("_")[0])
    assert all(len(found) == 1 for found in [*labels.values(), *names.values()])
    assert len({name for (name,) in names.values()}) == len(names)


def test_duplicates_show_one_field_and_say_what_they_should() -> None:
    of = plan()
    by_id = {entry.image_id: entry for entry in of.entries}
    assert of.planted["kind"].value_counts().to_dict() == dict.fromkeys(of.planted["kind"].unique(), 6)
    assert pd.concat([of.planted["query"], of.planted["gallery"]]).is_unique
    fields = pd.Series([entry.field for entry in of.entries])
    assert fields.nunique() == 300 - 24
    for kind, query, gallery in of.planted.itertuples(index=False):
        first, second = by_id[query], by_id[gallery]
        assert (first.field, first.antibody) == (second.field, second.antibody)
        assert f"{first.image_set}-{second.image_set}" == kind.split()[0]
        assert (set(first.target.split()) == set(second.target.split())) == (kind != "train-external different")


def test_corrections_undo_what_is_wrong() -> None:
    of = plan()
    corrections = of.corrections.set_index(of.corrections["Id"].str.replace("/", "_"))["Target"]
    assert of.corrections["Id"].str.contains("/").any()
    assert not of.corrections["Id"].str.contains("/").all()
    twins = set(of.planted["gallery"])
    for entry in of.of("external"):
        truth = {str(label) for label in entry.labels}
        if entry.image_id in corrections:
            assert set(entry.target.split()) > truth
            assert set(corrections[entry.image_id].split()) == truth
        elif entry.image_id not in twins:
            assert set(entry.target.split()) == truth


def test_too_few_fields_are_refused() -> None:
    with pytest.raises(InputError, match=r"8 test and 12 external images are too few: .* 18 test and 18 well labelled"):
        plan(fields=40)
    assert len(plan(fields=120).entries) == 120
    assert len(plan(fields=20, duplicates=1).planted) == 4


def test_an_atlas_may_be_without_duplicates() -> None:
    of = plan(fields=12, duplicates=0)
    assert (len(of.entries), len(of.planted)) == (12, 0)
    assert len({entry.field for entry in of.entries}) == 12
