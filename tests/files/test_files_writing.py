"""Files on disks that are full, that are gone, or that take nothing."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.writing import into, replacing, sentence

# Each writes some 4 MB to `path`, as libraries do that we write by; not all raise an error with a number.
WRITERS = {
    "text": "path.write_text('x' * 4_000_000)",
    "csv": "pd.DataFrame({'a': np.arange(600_000)}).to_csv(path, index=False)",
    "parquet": "pd.DataFrame({'a': np.random.default_rng(0).random(500_000)}).to_parquet(path)",
    "tiff": "tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (4, 1000, 1000), np.uint8))",
    "npz": "with path.open('wb') as file: np.savez(file, a=np.zeros(500_000))",
    "torch": "torch.save({'a': torch.zeros(1_000_000)}, path)",
    "png": "PIL.Image.effect_noise((2000, 2000), 100).save(path, 'png')",
}
PROGRAM = f"""
import resource, signal, sys
from pathlib import Path
import numpy as np, pandas as pd, PIL.Image, tifffile, torch
from hpa_lit.errors import InputError
from hpa_lit.files.writing import replacing
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for name, writer in {WRITERS!r}.items():
    target = folder / name
    target.write_text("old")
    try:
        with replacing(target) as path:
            exec(writer)
    except InputError as error:
        print(name, error)
    assert target.read_text() == "old", name
    assert list(folder.iterdir()) == [target]
    target.unlink()
"""


def said(folder, limit, mount=()):
    """What each writer says in a folder in which no file may be larger than a limit."""
    words = [*mount, sys.executable, "-c", PROGRAM, str(folder), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sentences = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert sentences.keys() == WRITERS.keys()
    return sentences


def test_a_full_disk_leaves_the_old_file_and_is_said_with_what_is_free(tmp_path):
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', str(tmp_path)]
    if sys.platform != "linux" or subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    for name, words in said(tmp_path, 2**30, mount).items():
        assert words == (
            f"{tmp_path / name} cannot be written: No space left on device: 1.0 MB are free there, "
            "and it needs more; make room, or choose another place"
        )


def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path):
    pytest.importorskip("resource")
    for name, words in said(tmp_path, 1_000_000).items():
        assert words == (
            f"{tmp_path / name} cannot be written: File too large; ask for a larger limit, or choose another place"
        )


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS])
def test_what_a_file_system_answers_is_said_of_the_file(tmp_path, number):

    def write():
        with replacing(tmp_path / "a.txt") as path:
            path.write_text("new")
            raise OSError(number, os.strerror(number))

    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(InputError, match=rf"a\.txt cannot be written: {os.strerror(number)}; .*choose another place"):
        write()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_folder_that_vanishes_is_named(tmp_path):
    def write():
        with replacing(tmp_path / "run" / "a.txt") as path:
            path.write_text("new")
            path.parent.rename(tmp_path / "elsewhere")

    with pytest.raises(InputError, match=r"a\.txt cannot be written: the folder .*run is gone"):
        write()
    assert not (tmp_path / "run").exists()


def test_a_writer_that_finds_its_folder_gone_names_it(tmp_path):
    def write():
        with replacing(tmp_path / "run" / "a.txt") as path:
            path.parent.rmdir()
            path.write_text("new")

    with pytest.raises(InputError, match=r"a\.txt cannot be written: the folder .*run is gone"):
        write()
    assert not list(tmp_path.iterdir())


def test_an_error_of_another_kind_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="input"), replacing(tmp_path / "a.txt"):
        (tmp_path / "input").read_text()
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass  # a writer that wrote nothing
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as path:
        path.write_text(str(1 // 0))
    assert not list(tmp_path.iterdir())


def test_what_others_cannot_write_into_a_folder_is_said_of_it(tmp_path):
    def fail(error):
        with into(tmp_path / "run"):
            raise error

    with pytest.raises(InputError, match=r"the folder .*run is gone"):
        fail(FileNotFoundError(errno.ENOENT, "", str(tmp_path / "run" / "metrics.csv")))
    with pytest.raises(InputError, match=r"the folder .*run is gone"):
        fail(RuntimeError("Missing folder: run"))  # as Lightning says it
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match=r"run cannot be written: No space left on device: .* MB are free there"):
        fail(OSError(errno.ENOSPC, "", str(tmp_path / "run" / "metrics.csv")))
    for other in (
        OSError(errno.ENOSPC, ""),
        OSError(errno.EIO, "", str(tmp_path / "picture")),
        ConnectionError(),
        RuntimeError(),
    ):
        with pytest.raises(type(other)):
            fail(other)  # of another disk, a picture, the network
    assert not list((tmp_path / "run").iterdir())


def test_what_nobody_has_said_of_a_file_is_said_with_what_is_free(tmp_path):
    full = sentence(OSError(errno.ENOSPC, "", str(tmp_path / "a.txt")))
    assert re.fullmatch(rf"{tmp_path}/a\.txt: No space left on device: [\d,.]+ MB are free there, .*place", full)
    assert sentence(OSError(errno.EROFS, "", str(tmp_path / "a.txt"))).endswith(
        "see to its permissions, or choose another place"
    )
    nameless = sentence(OSError(errno.ENOSPC, ""))
    assert re.search(
        rf"could not be read or written: No space left on device: [\d,.]+ MB are free in {Path.cwd()}", nameless
    )
    assert "None" not in nameless


@pytest.mark.parametrize("sync", [True, False])
def test_the_new_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path, sync):
    (tmp_path / "a.txt").write_text("old")
    with replacing(tmp_path / "a.txt", sync) as path:
        path.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "new")]
