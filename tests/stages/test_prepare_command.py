"""The command ``hpa_lit.prepare`` as a process."""

import subprocess
import sys

import pandas as pd
import pytest
from small_atlas import DIFFERENT, EQUAL, EXTERNAL, TEST, TRAIN, TWINS, Site

from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree


def prepare(tree: DataTree, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpa_lit.prepare", "data=i512", f"paths.root={tree.root}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=tree.root.parent, check=False)


@pytest.mark.slow
def test_all_stages_from_the_download_on(tree: DataTree, site: Site) -> None:
    source = f"prepare.download.base_url={site.address}"
    left = prepare(tree, "stage=all", "--dry-run", source)
    assert "80 are left" in left.stdout
    assert not list(tree.raw_images("external").glob("*.jpg"))
    assert [path.name for path in tree.root.iterdir()] == ["raw"]

    done = prepare(tree, "stage=all", source)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tree.root.parent.iterdir()) == ["data", "site"]  # nothing stray
    for image_set, names in (("train", TRAIN), ("test", TEST), ("external", EXTERNAL)):
        assert list(rgby.list_images(tree.images(image_set, 512))) == sorted(names)

    matches = pd.read_parquet(tree.matches)
    assert set(zip(matches["Train"], matches["Extra"], strict=True)) == {EQUAL, DIFFERENT}
    twins = pd.read_parquet(tree.test_matches)
    assert twins[["Test1", "Test2"]].to_numpy().tolist() == [[TWINS[1], TWINS[0]], [TWINS[0], TWINS[1]]]

    for fold in range(5):
        train, valid = (
            pd.read_parquet(tree.fold("random_ext_noleak_clean", fold, side)) for side in ("train", "valid")
        )
        assert not set(train["Id"]) & set(valid["Id"])
        assert DIFFERENT[1] not in {*train["Id"], *valid["Id"]}
        assert not {EQUAL[0]} <= set(train["Id"]) or EQUAL[1] not in set(valid["Id"])
    quick = [pd.read_parquet(tree.fold("quick", 0, side))["Id"].tolist() for side in ("train", "valid")]
    assert quick == [TRAIN[:12], TRAIN[12:]]
    assert pd.read_parquet(tree.quick_test)["Id"].tolist() == TEST
    corrected = pd.read_parquet(tree.corrected).set_index("Id")["Target"]
    assert corrected[EXTERNAL[0]] == "5 20"  # 20 is protected
    assert pd.read_parquet(tree.leak)["Id"].tolist() == ["s02"]
    after = pd.read_parquet(tree.antibody_split("after", "train"))
    assert {EQUAL[0], DIFFERENT[0]} <= set(after["Id"])
    assert "verify: images/512/external" in done.stdout

    # What is there is not made again.
    stamps = {path: path.stat().st_mtime_ns for path in (tree.root / "images").rglob("*.tif")}
    again = prepare(tree, "stage=all", source)
    assert again.returncode == 0
    assert "0 are left" in again.stdout
    assert "0 of them new" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


@pytest.mark.slow
def test_failures_end_the_run_unless_they_may_be_skipped(tree: DataTree, site: Site) -> None:
    source = f"prepare.download.base_url={site.address}"
    (site.folder / "1000" / "7_A1_0_red.jpg").unlink()
    stopped = prepare(tree, "stage=[download,resize]", source)
    assert stopped.returncode == 2
    assert "1 of 80 failed" in stopped.stderr
    assert "1000_7_A1_0_red.jpg: the server answered 404" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "resize" not in stopped.stdout

    skipped = prepare(tree, "stage=all", source, "prepare.on_missing=skip")
    assert skipped.returncode == 2  # what failed stays said
    assert "the server answered 404" in skipped.stderr
    assert "1000_7_A1_0: no red plane" in skipped.stderr
    assert "verify: images/512/external" in skipped.stdout
    assert len(pd.read_parquet(tree.matches)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("stage=fold", "stage=fold: choose all, download, resize, metadata, match,"),
        ("stage=folds", "run stage=metadata first"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("stage=folds --dry-run", "only stage=download has a dry run"),
                ("stage=match", "stage=resize"),
                ("stage=[resize,statistics] data.channels=rgb", "the atlas is prepared with all its planes"),
                ("stage=verify", "stage=metadata makes it"),
                ("prepare.upscale_=1", "Valid keys here:"),
                ("stage=metadata prepare.backend=dask", "prepare.scheduler=tcp://host:port"),
            )
        ),
    ],
)
def test_mistakes_are_answered_in_words(tree: DataTree, arguments: str, words: str) -> None:
    answer = prepare(tree, *arguments.split())
    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
