import cv2
import numpy as np
import pytest

from hpa_lit.errors import InputError
from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic import contact_sheet, draw_field

PUBLISHED_MEAN = (0.074598, 0.050630, 0.050891, 0.076287)  # method 2.8, red green blue yellow
PUBLISHED_STD = (0.122813, 0.085745, 0.129882, 0.119411)


def test_a_field_is_a_function_of_its_generator() -> None:
    first, again, other = (draw_field([7, 25], 128, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (128, 128, 4)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("labels", [[], [28], [-1, 3]])
def test_wrong_labels_are_named(labels: list[int]) -> None:
    with pytest.raises(InputError, match=r"from 0 to 27"):
        draw_field(labels, 64, np.random.default_rng(0))


def test_fields_are_as_bright_and_contrasty_as_real_ones() -> None:
    fields = [draw_field([k], 512, np.random.default_rng([5, k])).reshape(-1, 4) / 255 for k in range(28)]
    np.testing.assert_allclose(np.mean([f.mean(axis=0) for f in fields], axis=0), PUBLISHED_MEAN, rtol=0.5)
    np.testing.assert_allclose(np.mean([f.std(axis=0) for f in fields], axis=0), PUBLISHED_STD, rtol=0.5)


def test_a_larger_field_shows_as_many_nuclei() -> None:
    def nuclei(size: int) -> float:
        counts = []
        for seed in range(8):
            blue = draw_field([0], size, np.random.default_rng([seed, 0]))[:, :, 2]
            mask = cv2.resize(cv2.GaussianBlur(blue, (0, 0), size / 256), (256, 256), interpolation=cv2.INTER_AREA) > 12
            counts.append(cv2.connectedComponents(mask.astype(np.uint8))[0] - 1)
        return float(np.mean(counts))

    small, large = nuclei(256), nuclei(1024)
    assert 7 < small < 35
    assert large == pytest.approx(small, rel=0.2)


def test_the_contact_sheet_has_a_panel_a_label() -> None:
    sheet = contact_sheet(range(3), size=32, columns=2, fields=1)
    assert sheet.shape == (2 * 52, 2 * 64, 3)
    field = cv2.resize(draw_field([1], 512, np.random.default_rng([0, 1, 0])), (32, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(sheet[20:52, 64:96], field[:, :, :3])
    np.testing.assert_array_equal(sheet[20:52, 96:, 0], field[:, :, 1])
    assert len(LABEL_NAMES) == 28
