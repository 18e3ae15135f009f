"""A job: the same file whatever the order, the workers and the kills on the way to it."""

import os
import shutil
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from small_run import LABELS, damage, save_pictures, save_run

from hpa_lit.cli import ranks
from hpa_lit.errors import InputError
from hpa_lit.files import prediction_file, rgby
from hpa_lit.inference import Job, describe, find_images, predict, view_names
from hpa_lit.inference.job import PartWriter
from hpa_lit.inference.predictor import Answers

TRAINER = {"accelerator": "cpu", "devices": 1, "precision": "32-true", "enable_progress_bar": False}
VIEWS = view_names(2, ["default", "flipud"])


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    run, _ = save_run(folder / "run")
    save_pictures(folder / "pictures", 10)
    model = describe(run.checkpoint("best"))
    images = of_folder(model, folder / "pictures")
    return Job(model, "folder", images, folder / "whole.parquet", VIEWS, features=True, batch_size=4)


def of_folder(model, folder, **options):
    return find_images(model, None, folder, None, **{"workers": 0, **options})[1]


def of_files(job, files, workers=0):
    """The images of a job by other files."""
    images = copy(job.images)
    images.predicted, images.workers = files, workers
    return images


@pytest.fixture(scope="module")
def whole(job):
    predict(job, TRAINER)
    return prediction_file.read(job.output)


def result(job, path, trainer=TRAINER, **changes):
    job = replace(job, output=path, **changes)
    predict(job, trainer)
    assert not job.parts("32-true").exists()
    return prediction_file.read(path)


def equal(one, other):
    return (
        one.ids == other.ids
        and np.array_equal(one.probabilities, other.probabilities, equal_nan=True)
        and np.array_equal(one.features, other.features, equal_nan=True)
    )


def test_the_file_says_where_it_comes_from(job, whole):
    assert whole.ids == tuple(f"i{row:02}" for row in range(10))
    assert (whole.views, whole.labels, whole.run, whole.fold) == (VIEWS, tuple(LABELS), "small", 1)
    assert whole.checkpoint == str(job.model.checkpoint)
    assert whole.features.shape == (10, 4, 512)
    assert set(whole.status) == {"ok"}
    assert len(np.unique(whole.probabilities)) > 100


def test_order_and_workers_change_no_bit(job, whole, tmp_path):
    backwards = dict(reversed(job.files.items()))
    assert equal(result(job, tmp_path / "a.parquet", images=of_files(job, backwards, 2), save_every=0), whole)


def test_batch_size_changes_last_digits_at_most(job, whole, tmp_path):
    for size in (1, 7):
        found = result(job, tmp_path / "a.parquet", batch_size=size)
        np.testing.assert_allclose(found.probabilities, whole.probabilities, atol=1e-5, rtol=0)


def leave_part(job, ids, known=None, status="ok"):
    """Leave the part that a process killed after these images would leave; unless `known`, of 0.125 throughout."""
    writer = PartWriter(job, job.parts("32-true"))
    if known is None:
        value = 0.125 if status == "ok" else np.nan
        answers = Answers(*(np.full((len(ids), len(VIEWS), width), value, np.float32) for width in (len(LABELS), 512)))
    else:
        answers = Answers(known.probabilities, known.features)
    writer.kept.append((ids, [status] * len(ids), [job.stamps()[image_id] for image_id in ids], answers))
    writer.flush()


def predict_in_threads(job, trainer):
    """Predict with one thread a process, whose number changes last digits."""
    torch.set_num_threads(1)
    predict(job, trainer)


@pytest.mark.parametrize(
    ("processes", "done"), [(2, 0), *(pytest.param(*more, marks=pytest.mark.slow) for more in [(2, 1), (2, 2), (3, 0)])]
)
def test_more_ranks_write_the_very_file_of_one(job, tmp_path, processes, done):
    """Also where a killed process has left the work of `done` ranks behind, so that these have nothing left to do."""
    alone, shared = replace(job, output=tmp_path / "one.parquet"), replace(job, output=tmp_path / "more.parquet")
    threads = torch.get_num_threads()
    predict_in_threads(alone, TRAINER)
    torch.set_num_threads(threads)
    whole = prediction_file.read(alone.output)
    for rank in range(done):
        rows = [row for row in range(10) if row // job.batch_size % 2 == 1 - rank]
        leave_part(shared, [f"i{row:02}" for row in rows], whole.take(rows))
    trainer = TRAINER | {"devices": processes, "strategy": "ddp", "num_nodes": 1}
    ranks.launch("test_inference_job:predict_in_threads", processes, shared, trainer)
    assert shared.output.read_bytes() == alone.output.read_bytes()
    assert sorted(tmp_path.iterdir()) == [shared.output, alone.output]


def test_a_killed_job_goes_on_from_its_parts(job, whole, tmp_path, capsys):
    begun = replace(job, output=tmp_path / "a.parquet")
    leave_part(begun, ["i00", "i01", "i02", "i03"])
    found = result(job, begun.output)
    assert (found.probabilities[:4] == 0.125).all()
    assert np.array_equal(found.probabilities[4:], whole.probabilities[4:])
    assert "going on: 4 of 10 images are predicted already" in capsys.readouterr().out


def test_a_batch_done_in_part_is_done_again_in_the_same_company(job, whole, tmp_path):
    begun = replace(job, output=tmp_path / "a.parquet")
    leave_part(begun, ["i04"])
    found = result(job, begun.output)
    others = np.arange(10) != 4
    assert np.array_equal(found.probabilities[others], whole.probabilities[others])


def test_images_that_failed_before_the_kill_are_tried_again(job, whole, tmp_path):
    begun = replace(job, output=tmp_path / "a.parquet")
    leave_part(begun, ["i08", "i09"], status="the disk was away")
    assert equal(result(job, begun.output), whole)


def test_parts_of_another_checkpoint_or_other_views_are_not_used(job, whole, tmp_path):
    output = tmp_path / "a.parquet"
    for changes in (
        {"model": replace(job.model, digest="other")},
        {"views": VIEWS[::-1]},
        {"images": of_folder(job.model, next(iter(job.files.values()))["rgby"].parent, bits=16)},
        {"images": of_folder(job.model, next(iter(job.files.values()))["rgby"].parent, missing="zero")},
    ):
        leave_part(replace(job, output=output, **changes), ["i00", "i01", "i02", "i03"])
    assert equal(result(job, output), whole)


def test_images_that_cannot_be_read_have_a_row_and_a_reason(job, whole, tmp_path):
    save_pictures(tmp_path / "pictures", 10)
    damage(tmp_path / "pictures" / "i03.tif")
    files = {**rgby.list_images(tmp_path / "pictures"), "i07": {}}
    found = result(job, tmp_path / "a.parquet", images=of_files(job, files))
    assert found.ids == whole.ids
    assert list(found.failures) == ["i03", "i07"]
    assert "i03.tif cannot be read" in found.failures["i03"]
    assert found.failures["i07"] == "there is no image of this Id"
    assert np.isnan(found.probabilities[[3, 7]]).all()
    good = found.ok
    assert np.array_equal(found.probabilities[good], whole.probabilities[good])


def test_images_of_other_sizes_are_brought_to_one(job, tmp_path):
    save_pictures(tmp_path / "pictures", 2)
    save_pictures(tmp_path / "large", 1, side=64)
    (tmp_path / "large" / "i00.tif").rename(tmp_path / "pictures" / "i01.tif")
    found = result(job, tmp_path / "a.parquet", images=of_folder(job.model, tmp_path / "pictures"))
    assert found.ok.all()


def test_an_embedder_gives_features_and_no_probabilities(tmp_path):
    run, net = save_run(tmp_path / "run", embedder=True)
    pictures = save_pictures(tmp_path / "pictures", 3)
    model = describe(run.checkpoint("best"))
    found = result(
        Job(model, "x", of_folder(model, tmp_path / "pictures"), tmp_path / "f", features=True), tmp_path / "a.parquet"
    )
    assert found.probabilities.shape == (3, 1, 0)
    with torch.no_grad():
        expected = net.features(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(found.features[:, 0], expected, atol=1e-4)
    with pytest.raises(InputError, match="was trained on whole images, without crops: views=none or dihedral"):
        Job(model, "x", of_folder(model, tmp_path / "pictures"), tmp_path / "f", view_names(4, ["default"]))


def test_a_batch_of_nothing_is_refused(job):
    with pytest.raises(InputError, match="batch_size=0"):
        replace(job, batch_size=0)


def test_a_crop_larger_than_the_images_is_refused(job):
    large = replace(job.model, data={**job.model.data, "crop_size": 64})
    with pytest.raises(InputError, match=r"data\.crop_size=64 is larger than the images, 40"):
        replace(job, model=large)


def test_a_job_killed_before_its_parts_were_joined_only_joins_them(job, tmp_path):
    begun = replace(job, output=tmp_path / "a.parquet")
    leave_part(begun, list(job.files))
    assert (result(job, begun.output).probabilities == 0.125).all()


@pytest.fixture
def other(job, tmp_path):
    """The same job about pictures of its own, which a test may change."""
    save_pictures(tmp_path / "pictures", 10)
    return replace(job, images=of_folder(job.model, tmp_path / "pictures"), output=tmp_path / "a.parquet", save_every=0)


def put_another(folder, image_id, like=None):
    """Replace a picture by one of the same size, and perhaps of the same time."""
    path = folder / f"{image_id}.tif"
    before = path.stat()
    rgby.write(path, np.full((40, 40, 4), 77, np.uint8), image_id, "none")
    if like:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def after_the_first_batch(monkeypatch, change):
    """Change something while a job runs."""
    end, left = PartWriter.on_predict_batch_end, [change]

    def changed(self, *arguments):
        end(self, *arguments)
        while left:
            left.pop()()

    monkeypatch.setattr(PartWriter, "on_predict_batch_end", changed)


@pytest.mark.parametrize("like", [False, True], ids=["another time", "the same time"])
def test_a_picture_replaced_after_a_kill_is_predicted_anew_with_its_batch_alone(other, tmp_path, like, capsys):
    leave_part(other, [f"i{row:02}" for row in range(8)])
    put_another(tmp_path / "pictures", "i05", like)
    found = result(other, other.output)
    assert "going on: 7 of 10 images are predicted already" in capsys.readouterr().out
    assert (found.probabilities[:4] == 0.125).all()
    fresh = result(other, tmp_path / "fresh.parquet")
    assert np.array_equal(found.probabilities[[5, 8, 9]], fresh.probabilities[[5, 8, 9]])
    assert np.array_equal(found.features[[5, 8, 9]], fresh.features[[5, 8, 9]])


def test_one_of_four_planes_replaced_after_a_kill_counts(job, tmp_path):
    (tmp_path / "pictures").mkdir()
    for row in range(4):
        for color in rgby.COLORS:
            Image.fromarray(np.full((40, 40), 40 * row, np.uint8)).save(tmp_path / "pictures" / f"i{row}_{color}.png")
    images = of_folder(job.model, tmp_path / "pictures")
    begun = replace(job, images=images, output=tmp_path / "a.parquet", batch_size=1)
    leave_part(begun, ["i0", "i1", "i2", "i3"])
    Image.fromarray(np.full((40, 40), 200, np.uint8)).save(tmp_path / "pictures" / "i2_yellow.png")
    found = result(begun, begun.output)
    assert (found.probabilities[[0, 1, 3]] == 0.125).all()
    assert (found.probabilities[2] != 0.125).all()


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_picture_replaced_in_the_run_is_named_and_predicted_by_the_next(
    other, tmp_path, monkeypatch, capsys, workers
):
    other.images.workers = workers
    after_the_first_batch(monkeypatch, lambda: put_another(tmp_path / "pictures", "i01"))
    with pytest.raises(InputError, match=r"the files of 1 of 10 images were changed or removed while .*\n  i01$"):
        predict(other, TRAINER)
    assert not other.output.exists()
    found = result(other, other.output)
    assert "going on: 9 of 10 images are predicted already" in capsys.readouterr().out
    assert equal(found, result(other, tmp_path / "fresh.parquet"))


def test_a_folder_that_vanishes_in_the_run_leaves_the_old_answers_and_is_said(other, tmp_path, monkeypatch):
    predict(other, TRAINER)
    before = other.output.read_bytes()
    after_the_first_batch(monkeypatch, lambda: (tmp_path / "pictures").rename(tmp_path / "away"))
    with pytest.raises(InputError, match=r"files of 10 of 10 images were changed or removed while .*bring back"):
        predict(other, TRAINER)
    assert other.output.read_bytes() == before
    (tmp_path / "away").rename(tmp_path / "pictures")
    assert equal(result(other, other.output), prediction_file.read(other.output))


def test_a_link_to_nowhere_is_an_image_that_cannot_be_read(other, tmp_path):
    (tmp_path / "pictures" / "i10.tif").symlink_to(tmp_path / "nowhere.tif")
    found = result(replace(other, images=of_folder(other.model, tmp_path / "pictures")), other.output)
    assert list(found.failures) == ["i10"]
    assert found.failures["i10"].endswith("i10.tif does not exist")


def test_a_picture_changed_while_it_is_read_is_not_answered(other, tmp_path, monkeypatch):
    read = rgby.read_channels

    def slow(files, *arguments, **options):
        planes = read(files, *arguments, **options)
        if files[rgby.STACK].name == "i04.tif":
            put_another(tmp_path / "pictures", "i04")
        return planes

    monkeypatch.setattr(rgby, "read_channels", slow)
    _, status, stamps = zip(*[batch(other, [row]) for row in (3, 4)], strict=True)
    assert status == ("ok", "its files were changed while they were read")
    assert stamps[0] == other.stamps()["i03"]
    assert stamps[1] != other.stamps()["i04"]


def batch(job, rows):
    (found,) = list(job.images.predict_loader(rows, 1))
    return found["id"][0], found["status"][0], found["stamp"][0]


def test_a_checkpoint_replaced_since_it_was_described_is_not_loaded(job, tmp_path):
    run, _ = save_run(tmp_path / "run")
    model = describe(run.checkpoint("best"))
    model.load()
    save_run(tmp_path / "run", run_name="later")
    with pytest.raises(InputError, match=r"best\.ckpt was replaced meanwhile, perhaps by its training: start again"):
        model.load()


def test_parts_that_vanish_in_the_run_are_missed(other, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    other = replace(other, output=folder / "a.parquet")
    after_the_first_batch(monkeypatch, lambda: shutil.rmtree(folder))
    with pytest.raises(InputError, match="4 images are in no part: if their files were removed, the same command"):
        predict(other, TRAINER)
    assert not other.output.exists()
    assert result(other, other.output).ok.all()
