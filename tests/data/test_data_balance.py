"""Images of rare labels more often: factors by hand, epochs that any number of ranks share, and a stopped training."""

from collections import Counter

import numpy as np
import pytest
import torch
from given_images import GivenImages
from small_run import save_pictures

from hpa_lit.data.balance import epoch_rows, repeat_factors
from hpa_lit.data.dataset import Examples, ImageDataset, draw_of
from hpa_lit.data.loading import EpochSampler
from hpa_lit.data.transforms import TrainTransform
from hpa_lit.errors import InputError
from hpa_lit.files import rgby

# Of 16 images 12 have label 0, 4 label 1, one of these label 2 too; nobody has label 3, and one image none.
TARGETS = np.zeros((16, 4), np.uint8)
TARGETS[:12, 0] = TARGETS[11:15, 1] = TARGETS[14, 2] = 1


def test_factors_by_hand():
    wanted = [1.0] * 11 + [2**0.5] * 3 + [8**0.5] + [1.0]  # the roots of 1/2 over 1/4, and over 1/16
    assert repeat_factors(TARGETS, 0.5) == pytest.approx(np.array(wanted))
    assert repeat_factors(TARGETS, 0.01).tolist() == [1.0] * 16


def test_an_epoch_is_as_long_and_images_come_as_their_factors_say():
    factors, seen, times = repeat_factors(TARGETS, 0.5), Counter(), Counter()
    for epoch in range(4000):
        rows = epoch_rows(factors, 3, epoch)
        assert len(rows) == len(set(rows.tolist())) == 16
        seen.update(row % 16 for row in rows.tolist())
        times.update(row // 16 for row in rows.tolist())
    counts = np.array([seen[row] for row in range(16)])
    assert counts / counts.sum() == pytest.approx(factors / factors.sum(), rel=0.06)
    assert set(times) == {0, 1, 2}


def test_an_epoch_is_a_function_of_seed_and_epoch():
    factors = repeat_factors(TARGETS, 0.5)
    one = epoch_rows(factors, 3, 7).tolist()
    assert one == epoch_rows(factors, 3, 7).tolist()
    assert one != epoch_rows(factors, 3, 8).tolist()
    assert one != epoch_rows(factors, 4, 7).tolist()
    assert sorted(epoch_rows(np.ones(16), 3, 7).tolist()) == list(range(16))


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    save_pictures(folder, 16, side=24)
    images = rgby.list_images(folder)
    return Examples(list(images), list(images.values()), TARGETS)


def test_a_repeated_image_has_its_labels_and_another_augmentation(examples):
    transform = TrainTransform(24, 16)
    batch = ImageDataset(examples, transform, seed=5).__getitems__([(2, 14), (2, 14 + 16), (2, 14 + 32)])
    assert batch["index"].tolist() == [14, 14, 14]
    assert batch["target"].tolist() == [[0, 1, 1, 0]] * 3
    for image, row in zip(batch["image"], (14, 30, 46), strict=True):
        wanted = transform(rgby.read_channels(examples.files[14]), draw_of(5, 2, row))
        np.testing.assert_array_equal(image.numpy(), wanted)
    assert not torch.equal(batch["image"][0], batch["image"][1])


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_share_the_batches_of_one_process(examples, ranks):
    def rows(count, rank, passed=0):
        sampler = EpochSampler(
            range(16), count, rank, drawn=lambda epoch: epoch_rows(factors, 1, epoch), seed=1, drop_last=True
        )
        sampler.set_epoch(3)
        sampler.passed = passed
        return list(sampler)

    factors = repeat_factors(TARGETS, 0.5)
    one, shares = rows(1, 0), [rows(ranks, rank) for rank in range(ranks)]
    assert {epoch for epoch, _ in one} == {3}
    for batch in range(4):
        size = 4 // ranks
        together = [row for share in shares for row in share[batch * size : (batch + 1) * size]]
        assert sorted(together) == sorted(one[4 * batch : 4 * batch + 4])
    assert rows(1, 0, passed=5) == one[5:]  # of a training that was stopped in the middle


def test_a_loader_is_as_long_and_validation_as_it_was(examples):
    plain, balanced = (
        GivenImages(examples, batch_size=4, seed=5, repeat_threshold=threshold) for threshold in (None, 0.5)
    )
    seen = Counter()
    loader = balanced.train_dataloader()
    assert len(loader) == len(plain.train_dataloader()) == 4
    for epoch in range(40):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            seen.update(batch["index"].tolist())
    assert sum(seen.values()) == 40 * 16
    assert seen[14] > 1.5 * np.mean([seen[row] for row in range(11)])
    for one, other in zip(plain.val_dataloader(), balanced.val_dataloader(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


class Antibodies(GivenImages):
    targets = "antibodies"


def test_what_cannot_be_balanced_is_refused(examples):
    with pytest.raises(InputError, match=r"data\.repeat_threshold=0: give a number above 0 and up to 1"):
        GivenImages(examples, repeat_threshold=0)
    with pytest.raises(InputError, match=r"data\.repeat_threshold=0\.1 is about rare labels, and antibodies are no"):
        Antibodies(examples, repeat_threshold=0.1).setup("fit")
