"""Which plane looks like which, on drawn fields and on real ones."""

from dataclasses import replace

import numpy as np
import pytest

from hpa_lit.files import rgby
from hpa_lit.stages import roles
from hpa_lit.synthetic import Style, draw_field


@pytest.fixture(scope="module")
def drawn():
    """A field of each of the 28 locations."""
    return [draw_field([label], 256, np.random.default_rng([9, label])) for label in range(28)]


@pytest.fixture(scope="module")
def flat():
    """Likewise, of cells spread thin and full of reticulum, in which the nucleus is what the cytoplasm leaves out."""
    fields = []
    for label in range(28):
        style = replace(Style.draw([label], np.random.default_rng([9, label])), er_reach=0.9, slope=1.0)
        fields.append(draw_field([label], 256, np.random.default_rng([9, label]), style))
    return fields


@pytest.fixture(scope="module")
def real(shared):
    images = [rgby.read(files) for files in rgby.list_images(shared / "data" / "fields").values()]
    images += [rgby.read(files) for files in rgby.list_images(shared / "data" / "tiles").values()]
    return [image for image in images if (image.max((0, 1)) > image.min((0, 1))).all()]


def suspicions(images, order=(0, 1, 2, 3)):
    return [roles.suspicion(roles.correlations(np.ascontiguousarray(image[:, :, order]))) for image in images]


def test_correlations_are_those_of_the_planes():
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 200, (128, 128), np.uint8)
    other = rng.integers(0, 200, (128, 128), np.uint8)
    found = roles.correlations(np.dstack([plane, other, 255 - plane, plane // 2 * 2]))
    np.testing.assert_allclose(
        found, np.corrcoef([plane.ravel(), other.ravel(), 255 - plane.ravel(), plane.ravel() // 2 * 2])
    )
    assert found[0, 2] == pytest.approx(-1)


@pytest.mark.parametrize("images", ["drawn", "real"])
def test_pictures_in_order_are_not_suspected(images, request):
    assert not any(suspicions(request.getfixturevalue(images)))


@pytest.mark.parametrize("images", ["flat", "real"])
@pytest.mark.parametrize(
    ("order", "said"),
    [
        ((2, 1, 0, 3), "the nucleus in red"),
        ((0, 1, 3, 2), "the nucleus in yellow"),
        ((0, 2, 1, 3), "the nucleus in green"),
    ],
)
def test_a_nucleus_in_a_wrong_plane_is_found_in_most_pictures(images, order, said, request):
    found = suspicions(request.getfixturevalue(images), order)
    # A protein of the nucleus cannot be told from it.
    assert sum(each.startswith(said) for each in found) > len(found) * (0.4 if said.endswith("green") else 0.7)


def test_microtubules_and_reticulum_are_not_told_apart(drawn):
    assert not any(suspicions(drawn, (3, 1, 2, 0)))
