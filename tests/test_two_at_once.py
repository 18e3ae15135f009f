"""Two of a command into one place: the second is refused and says who the first is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from every_writer import files, make_home, make_place, run, settings

from hpa_lit.files.tree import file_lock, folder_lock

# What each command holds in `place`; combine and check write one file, of which the last one is whole.
PLACES = {
    "submit": "answers",
    "report": "report",
    "neighbours": "found",
    "predict": "result.csv",
    "embed": "features.parquet",
    "export": "model.zip",
    "draw": "drawn",
    "prepare": "atlas",
    "train": "train/small_folder/fold0",
    "pipeline": "pipeline/densenet121_large_i1536",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


def main(home, place):
    """Run every command while the process that asks holds all places; prints what each said."""
    print(json.dumps({verb: run(verb, words) for verb, words in settings(home, place).items() if verb in PLACES}))


@pytest.mark.slow
def test_each_command_names_who_holds_its_place_and_writes_nothing(home, tmp_path):
    place = tmp_path / "place"
    make_place(home, place)
    before = files(place)
    locks = [
        (file_lock if verb in ("embed", "export") else folder_lock)(place / name)
        for verb, name in PLACES.items()
        if verb != "predict"
    ]
    locks.append(place / "..result.csv.parquet.lock")
    program = "import sys, time; from contextlib import ExitStack; from pathlib import Path\n"
    program += "from hpa_lit.files.lock import held\n"
    program += f"with ExitStack() as stack:\n    for path in {list(map(str, locks))!r}:\n"
    program += "        stack.enter_context(held(Path(path), Path(path), 'x'))\n"
    program += "    print(flush=True); time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        held_files = sorted([*before, *(os.path.relpath(lock, place) for lock in locks)])
        command = [sys.executable, __file__, str(home), str(place)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
        assert done.returncode == 0, done.stderr
        for verb, (code, said) in json.loads(done.stdout.splitlines()[-1]).items():
            pattern = rf"error: {re.escape(str(place / PLACES[verb]))} is being written by process {holder.pid} on "
            assert code == 2, f"{verb}: {said}"
            assert re.search(pattern, said), f"{verb}: {said}"
        assert files(place) == held_files
    finally:
        holder.kill()
        holder.wait()


def start_training(home, outputs, *more):
    words = [*settings(home, outputs)["train"], "scheduler.epochs=500", *more]
    command = [sys.executable, "-m", "hpa_lit.train", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(line, process):
    """Read what a process says until a line begins so; what it said."""
    said = []
    for got in process.stdout:
        said.append(got)
        if got.startswith(line):
            return "".join(said)
    raise AssertionError("".join(said))


@pytest.mark.slow
def test_two_trainings_into_one_folder(home, tmp_path):
    first = start_training(home, tmp_path, "data.workers=1")
    try:
        wait_for("epoch   1/500", first)
        code, said = run("train", [*settings(home, tmp_path)["train"], "scheduler.epochs=500"])
        assert code == 2
        assert f"fold0 is being written by process {first.pid} on " in said
        assert "hpa-lit train experiment=small" in said
        assert said.rstrip().endswith("wait for it, end it, or set tag=NAME")
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
    second = start_training(home, tmp_path, "data.workers=1")  # at once, whatever the loading processes of the first do
    try:
        assert "going on from" in wait_for("epoch", second)
    finally:
        second.kill()
        second.wait()
        second.stdout.close()


@pytest.mark.slow
def test_a_training_whose_folder_is_deleted_ends_with_a_sentence_and_makes_none_anew(home, tmp_path):
    process = start_training(home, tmp_path)
    folder = tmp_path / "train" / "small_folder" / "fold0"
    wait_for("epoch   2/500", process)
    moved = tmp_path / "moved"
    folder.rename(moved)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert re.search(rf"error: .*{re.escape(str(folder))} is gone", said), said
    assert "Traceback" not in said
    assert not folder.exists()
    assert (moved / "config.yaml").is_file()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
