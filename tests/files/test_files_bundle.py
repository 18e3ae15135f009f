"""Bundles: what `write` made is read, and nothing else."""

import io
import json
import subprocess
import zipfile

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files import bundle

DESCRIPTION = {
    "config": {
        "run_name": "small",
        "fold": 1,
        "split": None,
        "arch": {"_target_": "hpa_lit.nets.build_classifier", "arch": "tiny", "options": {"channels": [4, 8]}},
        "num_classes": 2,
        "targets": "labels",
        "labels": ["bright", "dark"],
        "data": {
            "_target_": None,
            "name": "i40",
            "image_size": 40,
            "crop_size": 32,
            "bits": "auto",
            "channels": "rgby",
            "target_pixel_size": 0.08,
            "naming": None,
            "planes": {"red": 2},
            "z": "max",
        },
    },
    "decision": None,
    "about": {"licence": "MIT"},
}


@pytest.fixture
def path(tmp_path):
    bundle.write(tmp_path / "x.zip", DESCRIPTION, b"weights")
    return tmp_path / "x.zip"


def sealed(path, members, compression=zipfile.ZIP_STORED):
    """A file with any members, and a seal that is right."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members:
            archive.writestr(zipfile.ZipInfo(name, bundle.DAY), member, compression)
        archive.comment = bytes(bundle.SEALED)
    body = content.getvalue()[: -bundle.SEALED]
    path.write_bytes(body + bundle._seal(body))


def members(description=DESCRIPTION, weights=b"weights"):
    text = json.dumps(description).encode()
    parts = {bundle.DESCRIPTION: text, bundle.WEIGHTS: weights}
    return [*parts.items(), (bundle.SUMS, bundle._sums(parts))]


def test_what_is_written_is_read(path):
    assert bundle.read(path) == (DESCRIPTION, b"weights")
    first = path.read_bytes()
    bundle.write(path, DESCRIPTION, b"weights")
    assert path.read_bytes() == first


def test_other_programs_check_it(path, tmp_path):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    subprocess.run(["sha256sum", "--check", "--strict", bundle.SUMS], cwd=tmp_path / "out", check=True)


def test_every_changed_byte_is_refused(path):
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match="changed"):
            bundle.read(path)


@pytest.mark.parametrize("length", [0, 10, 200, -1, -100])
def test_a_part_of_it_and_more_than_it_are_refused(path, length):
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    with pytest.raises(InputError, match="cut off"):
        bundle.read(path)
    path.write_bytes(whole + whole[length:] if length else whole + b"\n")
    with pytest.raises(InputError, match=r"cut off|was changed"):
        bundle.read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_seal_that_is_right_makes_nothing_else_right(path):
    sealed(path, members())
    assert bundle.read(path) == (DESCRIPTION, b"weights")
    for made, message in [
        ([*members(), ("../../evil.py", b"")], "a bundle holds other files"),
        ([members()[0], *members()], "a bundle holds other files"),
        (members()[:2], "a bundle holds other files"),
        ([("/etc/passwd", b""), *members()[1:]], "a bundle holds other files"),
        ([members()[0], (bundle.WEIGHTS, b"others"), members()[2]], "members have other checksums than it says"),
        ([(bundle.DESCRIPTION, b"["), *members()[1:]], "members have other checksums"),
    ]:
        sealed(path, made)
        with pytest.raises(InputError, match=message):
            bundle.read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path):
    sealed(path, members(weights=bytes(10**7)), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**5
    with pytest.raises(InputError, match="is packed"):
        bundle.read(path)


def test_members_that_overlap_are_refused(path):
    """A directory that lists the same bytes under larger sizes."""
    sealed(path, members(weights=bytes(1000)))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(bundle.WEIGHTS.encode()))
    content[at + 24 : at + 28] = (10**9).to_bytes(4, "little")
    body = bytes(content[: -bundle.SEALED])
    path.write_bytes(body + bundle._seal(body))
    with pytest.raises(InputError, match="says that it holds more than it does"):
        bundle.read(path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("config", "arch", "_target_"), "os.system", r"arch\._target_: Input should be 'hpa_lit"),
        (("config", "arch", "weights"), "/etc/passwd", r"arch\.weights: Extra inputs are not permitted"),
        (("config", "data", "_target_"), "mine.Data", r"data\._target_: Input should be null"),
        (("config", "data", "image_size"), 10**9, r"data\.image_size: "),
        (("config", "data", "channels"), "rgbx", r"data\.channels: "),
        (("config", "num_classes"), "2", r"num_classes: Input should be a valid integer"),
        (("config", "labels"), [1, 2], r"labels\.0: Input should be a valid string"),
        (("more",), 1, "more: Extra inputs"),
    ],
)
def test_a_description_that_no_bundle_has(path, place, value, message):
    description = json.loads(json.dumps(DESCRIPTION))
    section = description
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    sealed(path, members(description))
    with pytest.raises(InputError, match=message):
        bundle.read(path)


@pytest.mark.parametrize("text", [b"{", b"[" * 10**5, b"\xff", b"null", b'{"config": NaN}'])
def test_a_description_that_is_none(path, text):
    parts = {bundle.DESCRIPTION: text, bundle.WEIGHTS: b""}
    sealed(path, [*parts.items(), (bundle.SUMS, bundle._sums(parts))])
    with pytest.raises(InputError, match=r"x\.zip.* cannot be"):
        bundle.read(path)


def test_nothing_but_a_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        bundle.read(tmp_path / "none.zip")
    (tmp_path / "x.zip").mkdir()
    with pytest.raises(InputError, match="is no file"):
        bundle.read(tmp_path / "x.zip")
