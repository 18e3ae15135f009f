"""Folds that keep the images of a group on one side."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold

from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.stages import folds, metadata

Drawn = tuple[np.ndarray, np.ndarray]


def draw(images: int, groups: int, seed: int) -> Drawn:
    """Labels, frequent to absent, that the images of a group mostly share, and a group for each image, none empty."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.concatenate([np.arange(groups), rng.integers(0, groups, images - groups)]))
    located = rng.random((groups, 28)) < np.linspace(0.4, 0, 28)
    return (located[group] & (rng.random((images, 28)) < 0.8)).astype(np.uint8), np.char.add("g", group.astype(str))


def unevenness(counts: np.ndarray) -> float:
    """Mean relative distance of labels' counts in each fold, (folds, labels), from those of even folds."""
    return float(np.abs(counts / counts.mean(axis=0) - 1).mean())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_splits", [2, 5])
@pytest.mark.parametrize(("images", "groups"), [(5, 5), (300, 5), (40, 37), (500, 60)])
@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_whole_and_every_row_is_validated_once(images: int, groups: int, n_splits: int, seed: int) -> None:
    target, group = draw(images, groups, seed)
    made = folds.split_groups(target, group, n_splits, seed)
    assert len(made) == n_splits
    assert sorted(np.concatenate([valid for _, valid in made])) == list(range(images))
    for train, valid in made:
        assert len(valid)
        assert sorted([*train, *valid]) == list(range(images))
        assert (np.diff(train) > 0).all()
        assert (np.diff(valid) > 0).all()
        assert not set(group[train]) & set(group[valid])


def test_the_one_even_split_is_found() -> None:
    # Four labels, each of one well of four images and two of two: only the four against the two and two is even.
    wells = [(label, well, images) for label in range(4) for well, images in (("a", 4), ("b", 2), ("c", 2))]
    group = [f"{label}{well}" for label, well, images in wells for _ in range(images)]
    target = np.eye(4)[[label for label, _, images in wells for _ in range(images)]]
    for seed in range(10):
        for _, valid in folds.split_groups(target, group, 2, seed):
            assert target[valid].sum(axis=0).tolist() == [4, 4, 4, 4]


def test_images_without_labels_make_folds_of_like_sizes() -> None:
    group = np.repeat([f"plate {number}" for number in range(30)], 10)
    for seed in range(10):
        made = folds.split_groups(np.zeros((300, 28)), group, 5, seed)
        assert [len(valid) for _, valid in made] == [60] * 5


def test_every_label_of_an_image_counts() -> None:
    # Two of each pair of labels: by the pairs alone, or by the rarest label of each image, nothing needs to be even.
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] * 2
    target = [[label in pair for label in range(4)] for pair in pairs]
    group = [f"well {row}" for row in range(12)]
    for seed in range(10):
        for _, valid in folds.split_groups(target, group, 2, seed):
            assert np.abs(np.sum([target[row] for row in valid], axis=0) - 3).max() <= 1


@pytest.mark.parametrize(("images", "groups"), [(400, 50), (4_000, 50), (50, 50)])
def test_the_seed_decides(images: int, groups: int) -> None:
    target, group = draw(images, groups, 0)

    def held_out(seed: int) -> list[list[int]]:
        return sorted(valid.tolist() for _, valid in folds.split_groups(target, group, seed=seed))

    made = [held_out(seed) for seed in range(5)]
    assert made == [held_out(seed) for seed in range(5)]
    assert all(each not in made[:seed] for seed, each in enumerate(made))


@pytest.mark.slow
def test_labels_of_real_antibodies_are_spread_evenly(shared) -> None:
    listed = pd.read_csv(shared / "data" / "tables" / "HPAv18RBGY_wodpl.csv").head(30_000)
    table = metadata.label_table(listed, external=True)
    target, antibody = table[list(LABEL_NAMES)].to_numpy(int), table["antibody"].astype(str)
    enough = (table.groupby("antibody")[list(LABEL_NAMES)].max().sum() >= 10).to_numpy()

    made = folds.split_groups(target, antibody)
    ours = np.array([target[valid].sum(axis=0) for _, valid in made])[:, enough]
    blind = np.array([target[valid].sum(axis=0) for _, valid in GroupKFold(5).split(target, groups=antibody)])[
        :, enough
    ]
    assert unevenness(ours) < 0.03
    assert unevenness(ours) < unevenness(blind) / 5
    assert max(abs(5 * len(valid) / len(target) - 1) for _, valid in made) < 0.01


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["a", "b", "a", "c", "b", "a"], "3 groups cannot make 5 folds"),
        (["a", "", "c", "d", " ", "f"], "2 images have no group, name one for each:\n  row 1\n  row 4$"),
        (["a", "b", "c", None, "e", float("nan")], "2 images have no group, name one for each:\n  row 3\n  row 5$"),
        (["a", "b", "c", "d", "e"], "6 images and 5 groups: give one group for each image"),
    ],
)
def test_unusable_groups_are_named(groups: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        folds.split_groups(np.ones((6, 28)), groups)


def test_labels_must_be_0_or_1() -> None:
    with pytest.raises(InputError, match="0/1 of shape"):
        folds.split_groups(np.full((6, 28), 2), list("abcdef"))
