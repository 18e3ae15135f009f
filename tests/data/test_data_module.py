import resource

import numpy as np
import pytest
import torch
from given_images import GivenImages
from torch.utils.data import DataLoader, Dataset

from hpa_lit.data.dataset import Examples, ImageDataset, batch_memory, draw_of
from hpa_lit.data.loading import EpochSampler
from hpa_lit.data.transforms import TrainTransform, ValidTransform
from hpa_lit.errors import InputError
from hpa_lit.files import rgby


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    ids = [f"i{row}" for row in range(7)]
    for image_id in ids:
        rgby.write(folder / f"{image_id}.tif", rng.integers(0, 256, (24, 24, 4), np.uint8), image_id)
    images = rgby.list_images(folder)
    return Examples(ids, [images[i] for i in ids], np.eye(7, dtype=np.uint8))


def test_a_batch_holds_images_their_targets_and_their_rows(examples):
    batch = ImageDataset(examples, ValidTransform(24, None)).__getitems__([(0, 3), (0, 1)])
    for image, row in zip(batch["image"], (3, 1), strict=True):
        np.testing.assert_array_equal(image.numpy(), rgby.read(examples.files[row]).transpose(2, 0, 1))
    assert batch["image"].dtype == batch["target"].dtype == torch.uint8
    assert batch["target"].tolist() == [[0, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]]
    assert batch["index"].tolist() == [3, 1]


def test_batches_do_not_depend_on_the_number_of_workers(examples):
    def batches(workers):
        loader = GivenImages(examples, workers=workers, seed=5).train_dataloader()
        loader.sampler.set_epoch(2)
        return list(loader)

    alone, two = batches(0), batches(2)
    assert len(alone) == 2  # 7 images, batches of 3, the short one dropped
    for one, other in zip(alone, two, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_an_image_is_decided_by_its_row_the_epoch_and_the_seed(examples):
    transform = TrainTransform(24, 16)
    for batch_size, workers in ((3, 2), (2, 0)):
        loader = GivenImages(examples, batch_size=batch_size, workers=workers, seed=5).train_dataloader()
        for epoch in (2, 0):
            loader.sampler.set_epoch(epoch)
            for batch in loader:
                for image, row in zip(batch["image"], batch["index"].tolist(), strict=True):
                    wanted = transform(rgby.read_channels(examples.files[row]), draw_of(5, epoch, row))
                    np.testing.assert_array_equal(image.numpy(), wanted)


def test_rows_of_other_samplers_are_those_of_the_first_epoch(examples):
    dataset = ImageDataset(examples, TrainTransform(24, 16), seed=5)
    asked = [[(0, 3), (0, 1)], [3, 1], list(np.array([3, 1]))]
    one, *others = [dataset.__getitems__(rows) for rows in asked]
    for other in others:
        torch.testing.assert_close(other, one, rtol=0, atol=0)


class Batches(Dataset):
    """Memory for batches of an image."""

    def __getitem__(self, side):
        return batch_memory((1, 4, side, side)).fill_(side)


def no_file_over_a_megabyte(worker):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))  # shared memory is a file


def test_memory_that_cannot_be_shared_is_named_with_its_size_and_the_remedy():
    loader = DataLoader(Batches(), None, sampler=[10, 1000], num_workers=1, worker_init_fn=no_file_over_a_megabyte)
    batches = iter(loader)
    assert next(batches).eq(10).all()
    with pytest.raises(InputError, match=r"^a batch of 1 images, 4 MB, does not fit .* --shm-size=8g, .* workers"):
        next(batches)


def test_a_batch_is_never_written_to_again(examples):
    batches, copies = [], []
    for batch in GivenImages(examples, batch_size=1).train_dataloader():
        batches.append(batch["image"])
        copies.append(batch["image"].clone())
    assert torch.equal(torch.cat(batches), torch.cat(copies))
    assert len({image.data_ptr() for image in batches}) == len(batches) == 7


def test_epochs_differ_in_order_and_augmentation(examples):
    loader, images = GivenImages(examples, batch_size=7).train_dataloader(), []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        batch = next(iter(loader))
        images.append(batch["image"][batch["index"].argsort()])
    assert not torch.equal(*images)


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_what_one_process_has(examples, ranks):
    dataset = ImageDataset(examples, ValidTransform(24, None))
    one = [row for _, row in EpochSampler(dataset, 1, 0, seed=1)]
    shares = [[row for _, row in EpochSampler(dataset, ranks, rank, seed=1)] for rank in range(ranks)]
    size = 2  # images of a batch on each rank
    for start in range(0, 7 // (size * ranks) * size, size):
        together = [row for share in shares for row in share[start : start + size]]
        assert sorted(together) == sorted(one[start * ranks : (start + size) * ranks])
    assert {row for share in shares for row in share} == set(range(7))
    assert len({len(share) for share in shares}) == 1


def test_images_without_any_label_are_refused(examples):
    nothing = Examples(examples.ids, examples.files, np.zeros((7, 2), np.uint8))
    with pytest.raises(InputError, match="no training image has a label"):
        GivenImages(nothing, examples).setup("fit")
