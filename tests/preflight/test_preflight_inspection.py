"""What one look says, beside NumPy and ImageHash; what many looks amount to."""

import imagehash
import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa_lit.files import rgby
from hpa_lit.preflight import findings
from hpa_lit.preflight.inspection import Defect, look


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(10, 256, (512, 512, 4), np.uint8)


def save(folder, pixels, suffix="png"):
    for channel, color in enumerate(rgby.COLORS):
        Image.fromarray(pixels[:, :, channel]).save(folder / f"a_{color}.{suffix}")
    return folder


def look_at(folder, channels="rgby"):
    return look(rgby.list_images(folder)["a"], "auto", channels)


def test_a_look_is_what_numpy_and_imagehash_say(tmp_path, pixels):
    found = look_at(save(tmp_path, pixels))
    assert (found.size, found.bits) == ((512, 512), 8)
    assert found.low == tuple(pixels.min((0, 1)))
    assert found.high == tuple(pixels.max((0, 1)))
    np.testing.assert_allclose(found.saturated, (pixels == 255).mean((0, 1)))
    np.testing.assert_allclose(found.moments, [pixels.mean((0, 1)) / 255, pixels.std((0, 1)) / 255])
    for channel in range(3):
        expected = imagehash.phash(Image.fromarray(pixels[:, :, channel]))
        assert f"{found.hashes[channel]:016x}" == str(expected)


def test_stacks_and_planes_of_16_bits_look_as_they_are_read(tmp_path, pixels):
    twelve = pixels.astype(np.uint16) * 16
    tifffile.imwrite(tmp_path / "a.tif", twelve.transpose(2, 0, 1), photometric="minisblack")
    found = look_at(tmp_path)
    image = rgby.read(rgby.list_images(tmp_path)["a"])
    assert found.bits == 12
    np.testing.assert_allclose(found.moments[0], image.mean((0, 1)) / 255)


def test_blank_is_what_is_nearly_of_one_value(tmp_path, pixels):
    pixels[:, :, 3] = pixels[:, :, 3] % 8 + 100
    assert look_at(save(tmp_path, pixels)).blank == ["yellow"]
    pixels[0, 0, 3] = 108
    assert look_at(save(tmp_path, pixels)).blank == []
    assert look_at(tmp_path, "rgb").blank == []


def test_what_training_refuses_is_a_defect_with_its_reason(tmp_path, pixels):
    save(tmp_path, pixels, "jpg")
    path = tmp_path / "a_green.jpg"
    path.write_bytes(path.read_bytes()[:5000])
    assert look_at(tmp_path).kind == "unusable"
    Image.fromarray(pixels[:100, :, 1]).save(path)
    assert "its planes differ in size" in look_at(tmp_path).why
    path.unlink()
    assert look_at(tmp_path) == Defect("planes", "no green plane")


def test_the_same_field_on_one_side_of_every_fold_is_no_leak(tmp_path, pixels):
    seen = look_at(save(tmp_path, pixels))
    looks = {"a": seen, "b": seen, "c": Defect("planes", "no red plane")}
    together = findings.of_folds(looks, [(["a", "b"], ["c"]), (["c"], ["a", "b"])], 12)
    assert [each.kind for each in together] == ["duplicates"]
    apart = findings.of_folds(looks, [(["a"], ["b"]), (["c"], ["a", "b"]), (["b"], ["a"])], 12)
    assert apart[1].examples == ["a and b (fold 0, 2)"]


def test_a_finding_shows_its_first_examples():
    finding = findings.Finding("error", "rows", "5 rows: no image", list("abcde"))
    assert str(finding) == "error    rows        5 rows: no image; a; b; c; and 2 more"


def test_ids_that_a_spreadsheet_computes_are_warned_of():
    assert findings.of_names(["a", "b=c"]) == []
    (found,) = findings.of_names(["a", "=cmd|x", "-1_A1"])
    assert (found.level, found.kind, found.examples) == ("warning", "formulas", ["'=cmd|x'", "'-1_A1'"])
