"""Files on disks that are full, that are gone, or that take nothing."""

import subprocess
import sys
import textwrap

import pytest

from hpa_lit.errors import InputError
from hpa_lit.files.writing import replacing

# Each writes some 4 MB to `path`, as libraries do that we write by.
WRITERS = {
    "text": "path.write_text('x' * 4_000_000)",
    "csv": "pd.DataFrame({'a': np.arange(600_000)}).to_csv(path, index=False)",
    "parquet": "pd.DataFrame({'a': np.random.default_rng(0).random(500_000)}).to_parquet(path)",
    "tiff": "tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (4, 1000, 1000), np.uint8))",
    "npz": "with path.open('wb') as file: np.savez(file, a=np.zeros(500_000))",
    "torch": "torch.save({'a': torch.zeros(1_000_000)}, path)",
    "png": "PIL.Image.effect_noise((2000, 2000), 99).save(path, 'png')",
    "h5": "with h5py.File(path, 'w') as file: file['a'] = np.zeros(500_000)",
}
PROGRAM = """
import sys
from pathlib import Path
import h5py, numpy as np, pandas as pd, PIL.Image, tifffile, torch
from hpa_lit.errors import InputError
from hpa_lit.files.writing import replacing
folder = Path(sys.argv[1])
{limit}
for name, writer in {writers!r}.items():
    target = folder / name
    target.write_text("old")
    try:
        with replacing(target) as path:
            exec(writer)
    except InputError as error:
        print(name, error)
    assert target.read_text() == "old", name
    target.unlink()
    assert not list(folder.iterdir()), name
"""


def run(words, folder, limit=""):
    pytest.importorskip("h5py")
    program = PROGRAM.format(limit=textwrap.dedent(limit), writers=WRITERS)
    done = subprocess.run([*words, sys.executable, "-c", program, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said.keys() == WRITERS.keys()
    return said


def test_a_full_disk_leaves_the_old_file_and_is_said_with_what_is_free(tmp_path):
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', str(tmp_path)]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    for name, sentence in run(mount, tmp_path).items():
        assert sentence.startswith(f"{tmp_path / name} cannot be written: No space left on device ("), sentence
        assert sentence.endswith("MB are free there); make room or choose another place")


def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path):
    limit = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    """
    program = {name: WRITERS[name] for name in ("text", "csv", "npz", "png")}  # the others do not say why
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(limit=textwrap.dedent(limit), writers=program), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot be written: File too large (") == len(program), done.stdout


def test_a_folder_that_vanishes_is_named(tmp_path):
    target = tmp_path / "run" / "a.txt"
    with pytest.raises(InputError, match=r"a\.txt cannot be written: the folder .*run is gone"), replacing(target):
        target.parent.rmdir()


def test_an_error_of_another_file_is_not_taken_for_one_of_this(tmp_path):
    with pytest.raises(FileNotFoundError, match="input"), replacing(tmp_path / "a.txt"):
        (tmp_path / "input").read_text()
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as path:
        path.write_text(str(1 // 0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sync", [True, False])
def test_the_new_file_is_there_and_nothing_beside_it(tmp_path, sync):
    (tmp_path / "a.txt").write_text("old")
    with replacing(tmp_path / "a.txt", sync) as path:
        path.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
