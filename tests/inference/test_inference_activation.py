"""Class activation maps against their definition."""

import numpy as np
import pytest
import torch
from small_run import save_pictures, save_run
from torch.nn import functional as F

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.inference import describe
from hpa_lit.inference.activation import activations


def test_maps_are_those_of_their_definition(tmp_path):
    run, net = save_run(tmp_path / "run", image_size=96, crop_size=96)
    pictures = save_pictures(tmp_path / "mine", 2, side=96)
    cases = [(picture, label) for picture in range(2) for label in range(3)]
    files = list(rgby.list_images(tmp_path / "mine").values())
    found = activations(describe(run.checkpoint("best")), [files[p] for p, _ in cases], [label for _, label in cases])
    warm = 0
    for (picture, label), (image, activation) in zip(cases, found, strict=True):
        assert (image == pictures[picture]).all()
        # Selvaraju et al.: the maps, each weighted by its mean gradient of the logit, and what is negative cut off.
        maps = net.forward_features(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
        (gradient,) = torch.autograd.grad(net.classifier(net.head(maps))[0, label], maps)
        plain = F.relu((maps * gradient.mean((2, 3), keepdim=True)).sum(1, keepdim=True))
        whole = F.interpolate(plain, (96, 96), mode="bilinear")[0, 0].detach().numpy()
        if whole.max() > 0:
            np.testing.assert_allclose(activation, whole / whole.max(), atol=1e-4)
            assert activation.max() == 1
            warm += 1
    assert warm > 0


def test_where_nothing_speaks_for_a_label_the_map_is_zero(tmp_path):
    run, _ = save_run(tmp_path / "run")
    save_pictures(tmp_path / "mine", 1)
    path = run.checkpoint("best")
    content = torch.load(path, weights_only=True)
    content["state_dict"]["net.classifier.weight"].zero_()
    torch.save(content, path)
    (found,) = activations(describe(path), list(rgby.list_images(tmp_path / "mine").values()), [1])
    assert (found.map == 0).all()


def test_an_embedder_has_no_labels_to_map(tmp_path):
    run, _ = save_run(tmp_path / "run", embedder=True)
    with pytest.raises(InputError, match="holds an embedder"):
        activations(describe(run.checkpoint("best")), [], [])
