import json
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hpa_lit.errors import InputError
from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.stages import duplicates, hashes, resize
from hpa_lit.stages.workers import Workers

HERE = Workers(count=1)


def read_hashes(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    return table.assign(**{plane: [np.uint64(int(text, 16)) for text in table[plane]] for plane in hashes.PLANES})


def test_matches_equal_the_reference(golden: Path) -> None:
    train, external, test = (read_hashes(golden / f"hash_{name}.csv") for name in ("train", "external", "test"))
    pairs = duplicates.match_ids(train, external, ("Train", "Extra"), 12)
    pd.testing.assert_frame_equal(pairs, pd.read_csv(golden / "hash_train_match_external.csv"))
    pairs = duplicates.match_ids(test, test, ("Test2", "Test1"), 12)
    pairs = pairs[pairs["Test1"] != pairs["Test2"]][["Test1", "Test2", "SimR", "SimG", "SimB"]]
    pd.testing.assert_frame_equal(
        pairs.reset_index(drop=True), pd.read_csv(golden / "hash_test_match_test.csv"), check_dtype=False
    )


@pytest.mark.parametrize("limit", [0, 12, 25, 64])
def test_match_looks_at_every_pair(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    # Blocks that do not divide the sides.
    monkeypatch.setattr(duplicates, "QUERY_BLOCK", 7)
    monkeypatch.setattr(duplicates, "GALLERY_BLOCK", 11)
    rng = np.random.default_rng(limit)
    query = rng.integers(0, 2**64, (30, 3), dtype=np.uint64)
    gallery = np.concatenate([rng.integers(0, 2**64, (40, 3), dtype=np.uint64), query[::2]])
    gallery[3] = query[4] ^ np.uint64(2**12 - 1)  # exactly 12 bits in each plane
    gallery[5] = query[4] ^ np.uint64(2**13 - 1)
    expected = []
    for q, g in np.ndindex(30, len(gallery)):
        far = [bin(int(query[q, p]) ^ int(gallery[g, p])).count("1") for p in range(3)]
        if max(far) <= limit:
            expected.append([q, g, *far])
    assert duplicates.match(query, gallery, limit).to_numpy().tolist() == expected


def test_match_of_nothing_and_of_wrong_hashes() -> None:
    empty = np.empty((0, 3), np.uint64)
    full = np.zeros((2, 3), np.uint64)
    assert len(duplicates.match(empty, full)) == len(duplicates.match(full, empty)) == 0
    with pytest.raises(InputError, match="uint64"):
        duplicates.match(full.astype(np.int64), full)
    with pytest.raises(InputError, match="shape"):
        duplicates.match(full[:, :2], full)


def test_hashes_equal_the_reference(golden: Path) -> None:
    images = np.load(golden / "phash_images.npz")
    for name, wanted in json.loads((golden / "phash_images.json").read_text()).items():
        assert f"{hashes.phash(images[name]):016x}" == wanted


def test_hashes_of_real_planes(shared: Path) -> None:
    wanted = {row["file"]: row["phash"] for row in json.loads((shared / "golden" / "phash.json").read_text())["files"]}
    paths = [path for path in (shared / "data" / "planes").iterdir() if path.name in wanted]
    assert len(paths) > 25
    for path in paths:
        plane = rgby.to_uint8([rgby.read_plane(path, 0)], "auto", path)[0]
        assert f"{hashes.phash(plane):016x}" == wanted[path.name]


def test_kept_hashes_know_their_images(tree: DataTree, capsys: pytest.CaptureFixture[str]) -> None:
    resize.run(tree, ["test"], [512], resize.Conversion(), HERE)
    first = hashes.update(tree, "test", HERE, "error")
    before = tree.hashes("test").read_bytes()
    assert "8 of them new" in capsys.readouterr().out
    hashes.update(tree, "test", HERE, "error")
    assert "0 of them new" in capsys.readouterr().out
    assert tree.hashes("test").read_bytes() == before
    # Another picture under the same name is noticed, whatever its date.
    path = tree.images("test", 512) / "s03.tif"
    picture = rgby.read({rgby.STACK: tree.images("test", 512) / "s04.tif"})
    rgby.write(path, picture, "s03")
    second = hashes.update(tree, "test", HERE, "error").set_index("Id")
    assert "1 of them new" in capsys.readouterr().out
    assert (second.loc["s03", list(hashes.PLANES)] == second.loc["s04", list(hashes.PLANES)]).all()
    assert second.drop("s03").equals(first.set_index("Id").drop("s03"))
    independent = imagehash.phash(Image.fromarray(np.ascontiguousarray(picture[:, :, 1])))
    assert f"{second.loc['s03', 'green']:016x}" == str(independent)


def test_missing_and_damaged_images_are_named(tree: DataTree) -> None:
    resize.run(tree, ["test"], [512], resize.Conversion(), HERE)
    path = tree.images("test", 512) / "s03.tif"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"1 test images are damaged.*\n.*s03\.tif"):
        hashes.update(tree, "test", HERE, "error")
    path.unlink()
    with pytest.raises(InputError, match=r"stage=resize.*\n  s03$"):
        hashes.update(tree, "test", HERE, "error")
    assert "s03" not in set(hashes.update(tree, "test", HERE, "skip")["Id"])
