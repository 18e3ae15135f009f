"""The predictor: the network's own numbers for every view, and batches that fit."""

import numpy as np
import pytest
import torch
from small_run import LABELS, save_run

from hpa_lit.data import dihedral
from hpa_lit.errors import InputError
from hpa_lit.inference.predictor import Predictor
from hpa_lit.inference.views import cut, view_names
from hpa_lit.nets import Classifier


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("run"))[1]


@pytest.fixture(scope="module")
def images():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 4, 40, 40), np.uint8))


def step(net, images, rows, batch_size, views=("crop0/default",), status="ok", **options):
    batch = {"id": [f"i{row}" for row in rows], "status": [status] * len(rows), "image": images[rows]}
    with torch.inference_mode():
        return Predictor(net, views, 32, batch_size, **options).eval().predict_step(batch, 0)


def test_views_are_those_of_the_network_and_in_order(net, images):
    views = view_names(2, dihedral.VIEWS)
    found = step(net, images, [0, 1, 2], 3, views, features=True)
    assert found.probabilities.shape == (3, 16, len(LABELS))
    assert found.features.shape == (3, 16, 512)
    for crop in (0, 1):
        patches = cut(images[:3], ["i0", "i1", "i2"], crop, 32)
        for number, name in enumerate(dihedral.VIEWS):
            with torch.no_grad():
                view = dihedral.apply_batch(name, patches)
                features, expected = net.features(view), net(view).sigmoid()
            np.testing.assert_allclose(found.probabilities[:, 8 * crop + number], expected, atol=1e-6)
            np.testing.assert_allclose(found.features[:, 8 * crop + number], features, atol=1e-5)


def test_a_short_batch_is_filled_up(net, images, monkeypatch):
    shapes = []
    monkeypatch.setattr(
        net.classifier, "forward", lambda x: shapes.append(x.shape) or torch.nn.Linear.forward(net.classifier, x)
    )
    whole = step(net, images, [0, 1, 2, 3], 4).probabilities
    np.testing.assert_allclose(step(net, images, [3], 4).probabilities, whole[[3]], atol=1e-5)
    assert shapes == [(4, 512), (4, 512)]
    np.testing.assert_allclose(step(net, images, [3], 1).probabilities, whole[[3]], atol=1e-5)


def test_failed_images_have_nothing(net, images):
    found = step(net, images, [0, 1], 2, status="gone", features=True)
    assert np.isnan(found.probabilities).all()
    assert np.isnan(found.features).all()


class Greedy(Classifier):
    """A classifier that asks for more memory than there is as soon as more than `most` images come at a time."""

    most = 2

    def features(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        return super().features(images)


@pytest.mark.parametrize(("batch_size", "fits"), [(6, 2), (5, 2), (2, 2)])
def test_batches_are_halved_until_they_fit(net, images, batch_size, fits, capsys, monkeypatch):
    monkeypatch.setattr(net, "__class__", Greedy)
    batch = {"id": list("abcde")[:batch_size], "status": ["ok"] * 5, "image": images[: min(batch_size, 5)]}
    batch["status"] = batch["status"][: len(batch["id"])]
    predictor = Predictor(net, ("crop0/default",), 32, batch_size).eval()
    with torch.inference_mode():
        found = predictor.predict_step(batch, 0).probabilities
    monkeypatch.undo()
    np.testing.assert_allclose(found, step(net, images, range(len(batch["id"])), batch_size).probabilities, atol=1e-5)
    assert predictor.at_once == fits
    said = capsys.readouterr().out
    assert (f"going on with {fits} images at a time" in said) == (batch_size > fits)


def test_one_image_too_large_is_an_error(net, images, monkeypatch):
    monkeypatch.setattr(net, "__class__", Greedy)
    monkeypatch.setattr(Greedy, "most", 0)
    with pytest.raises(InputError, match="one image of 32 x 32 does not fit into the memory of cpu"):
        step(net, images, [0, 1], 2)
