"""Every command that writes, on a disk that is full, that takes nothing, and with files that may not grow."""

import hashlib
import json
import re
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from every_writer import LIGHT, files, make_home, make_place, run, settings

MOUNT = 'mount -t tmpfs -o size=80m tmpfs "$0" && exec "$@"'
DISK = {"full": "No space left on device", "closed": "you may not write into", "limit": "File too large"}


def contents(place):
    return {name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in files(place)}


def break_disk(place, fault):
    """Make the disk take no more."""
    if fault == "full":
        with (place / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass
    elif fault == "closed":
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    else:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def main(home, place, fault, *verbs):
    """Run commands, break the disk, run them again; prints what each said then, and what changed."""
    make_place(home, place)
    words = {verb: words for verb, words in settings(home, place).items() if verb in verbs}
    for verb in words:
        code, said = run(verb, words[verb])
        assert not code or verb == "pipeline", said
    for image in list(place.glob("atlas/images/*/*/*"))[:1]:
        image.unlink()  # for prepare to have something to do
    (place / "model.zip").unlink(missing_ok=True)  # over which export does not write
    before = contents(place)
    try:
        break_disk(place, fault)
    except OSError:
        (before["filler"],) = [contents(place)["filler"]]
    answers = {verb: run(verb, words[verb]) for verb in words}
    after = contents(place)
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    print(json.dumps([answers, sorted(changed)]))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


ALL = [*LIGHT, "report", "prepare", "predict", "embed", "export", "draw", "train", "pipeline"]


@pytest.mark.parametrize(
    ("fault", "verbs"),
    [
        ("limit", LIGHT),
        *(pytest.param(fault, ALL, marks=pytest.mark.slow) for fault in DISK),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_each_command_says_so_in_a_sentence_and_leaves_all_as_it_was(home, tmp_path, fault, verbs):
    place = tmp_path / "place"
    place.mkdir()
    mount = [] if fault == "limit" else ["unshare", "-m", "sh", "-c", MOUNT, str(place)]
    if mount and (sys.platform != "linux" or subprocess.run([*mount, "true"], capture_output=True).returncode):
        pytest.skip("only root can mount a small disk")
    command = [*mount, sys.executable, __file__, str(home), str(place), fault, *verbs]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    answers, changed = json.loads(done.stdout.splitlines()[-1])
    assert answers.keys() == set(verbs)
    for verb, (code, said) in answers.items():
        last = said.strip().splitlines()[-1]
        assert code == 2, f"{verb}: {said}"
        assert last.startswith(f"error: {place}"), f"{verb}: {said}"
        assert DISK[fault] in last, f"{verb}: {said}"
        assert "Traceback" not in said, f"{verb}: {said}"
    assert changed == []


def fill_while_training(home, place):
    """Fill the disk after the second epoch; prints how the training ended, and which checkpoints are not whole."""
    import torch

    words = [*settings(home, place)["train"], "scheduler.epochs=500", "keep_epochs=1"]
    command = [sys.executable, "-m", "hpa_lit.train", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if line.startswith("epoch   2/500"):
            break
    with suppress(OSError):
        break_disk(place, "full")
    said, _ = process.communicate()
    broken = []
    for path in place.rglob("*.ckpt"):
        try:
            torch.load(path, weights_only=True)
        except (RuntimeError, EOFError):
            broken.append(str(path))
    print(json.dumps([process.returncode, said, broken]))


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_a_training_with_a_sentence_and_leaves_whole_checkpoints(home, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    mount = ["unshare", "-m", "sh", "-c", MOUNT.replace("16m", "64m"), str(place)]
    if sys.platform != "linux" or subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    command = [*mount, sys.executable, __file__, str(home), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    code, said, broken = json.loads(done.stdout.splitlines()[-1])
    assert code == 2, said
    assert re.search(rf"error: {place}/train/small_folder/fold0.* cannot be written: No space left on device", said)
    assert "Traceback" not in said
    assert broken == []


if __name__ == "__main__":
    (main if len(sys.argv) > 3 else fill_while_training)(*map(Path, sys.argv[1:3]), *sys.argv[3:])
