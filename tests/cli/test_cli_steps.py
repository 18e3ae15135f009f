import os
import signal
import threading
import time

import psutil
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import hpa_lit.cli.resolvers  # noqa: F401  registers what the configs resolve with
from hpa_lit.cli.steps import Step, run_steps, setting
from hpa_lit.errors import InputError
from hpa_lit.files.conf_dir import conf_dir


@pytest.mark.parametrize(
    "value",
    [
        *(
            "a/b.csv",
            "plain",
            "http://127.0.0.1:80/x",
            "with space/ü=1,2",
            "it's",
            "back\\",
            "\\'",
            "{x}",
            "[y]",
            "${z}",
            "a/\\${z}\\",
            "\\\\${",
            "~/x y",
        ),
        *("null", "1", "true", "", 1, 0.5, True, None),
        ["a b", "/c"],
        {"one fold": "/x y", "two": 3},
    ],
    ids=repr,
)
def test_a_command_gets_what_was_set(value):
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        config = compose("report", [setting("steps", value)])
    assert OmegaConf.to_container(config, resolve=True)["steps"] == value


def test_a_result_counts_while_it_is_no_older_than_its_inputs(tmp_path):
    source, result = tmp_path / "in", tmp_path / "out"
    step = Step("make", "combine", (), result, (source,))
    assert step.lack == f"there is no {source}"
    source.touch()
    assert step.lack == f"there is no {result}"
    result.touch()
    os.utime(source, (100, 100))
    os.utime(result, (200, 200))
    assert step.lack == ""
    os.utime(source, (200, 200))
    assert step.lack == ""
    os.utime(source, (300, 300))
    assert step.lack == f"{result} is older than {source}"
    source.unlink()
    assert step.lack == f"there is no {source}"


def test_steps_run_once_in_order(tmp_path, capsys):
    words = ("draw.fields=12", "draw.duplicates=0", "draw.size=64", f"paths.root={tmp_path}/drawn")
    step = Step("draw it", "draw", words, tmp_path / "drawn" / "hidden" / "planted.csv")
    run_steps([step], tmp_path / "logs")
    made = step.output.stat().st_mtime_ns
    assert "planted pairs" in (tmp_path / "logs" / "01_draw_it.log").read_text()
    run_steps([step], tmp_path / "logs")
    assert step.output.stat().st_mtime_ns == made
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("[ 1/1] draw it: ")
    assert second == "[ 1/1] draw it: there already"


def test_a_failed_step_says_why_and_stops_the_rest(tmp_path):
    bad = Step("put together", "combine", ("predictions=[nowhere.parquet]",), tmp_path / "x.parquet")
    after = Step("draw it", "draw", (f"paths.root={tmp_path}/drawn",), tmp_path / "drawn" / "x")
    with pytest.raises(InputError) as error:
        run_steps([bad, after], tmp_path / "logs")
    assert "put together failed" in str(error.value)
    assert "there is no file nowhere.parquet" in str(error.value)
    assert str(tmp_path / "logs" / "01_put_together.log") in str(error.value)
    assert not (tmp_path / "drawn").exists()


def test_steps_run_at_once_where_none_reads_what_another_makes(tmp_path, capsys):
    def drawn(name, *inputs):
        words = ("draw.fields=30", "draw.duplicates=0", "draw.size=128", "draw.workers=1")
        place = tmp_path / name
        return Step(name, "draw", (*words, f"paths.root={place}"), place / "hidden" / "planted.csv", inputs)

    first, second = drawn("a"), drawn("b")
    third = drawn("c", first.output, second.output)
    run_steps([first, second, third], tmp_path / "logs", at_once=2)
    begun = {name: (tmp_path / name / "hidden" / "atlas.json").stat().st_mtime_ns for name in "abc"}
    ended = {step.name: step.output.stat().st_mtime_ns for step in (first, second, third)}
    assert max(begun["a"], begun["b"]) < min(ended["a"], ended["b"])
    assert begun["c"] > max(ended["a"], ended["b"])
    said = capsys.readouterr().out.splitlines()
    assert sorted(line[:10] for line in said[:2]) == ["[ 1/3] a: ", "[ 2/3] b: "]
    assert said[2].startswith("[ 3/3] c: ")


def test_a_failed_step_ends_those_beside_it(tmp_path):
    bad = Step("put together", "combine", ("predictions=[nowhere.parquet]",), tmp_path / "x.parquet")
    long = Step("draw it", "draw", ("draw.fields=2000", f"paths.root={tmp_path}/drawn"), tmp_path / "drawn" / "x")
    with pytest.raises(InputError, match="put together failed"):
        run_steps([long, bad], tmp_path / "logs", at_once=2)
    assert not [it for it in psutil.Process().children() if "hpa_lit.draw" in it.cmdline()]


@pytest.mark.parametrize("stale", [False, True])
def test_a_step_that_ends_well_without_its_result_fails(tmp_path, stale):
    source, result = tmp_path / "in", tmp_path / "out"
    source.touch()
    if stale:
        result.touch()
        os.utime(result, (100, 100))
    words = ("draw.fields=12", "draw.duplicates=0", "draw.size=64", f"paths.root={tmp_path}/drawn")
    step = Step("draw it", "draw", words, result, (source,))
    with pytest.raises(InputError) as error:
        run_steps([step], tmp_path / "logs")
    why = f"{result} is older than {source}" if stale else f"there is no {result}"
    assert str(error.value).startswith(f"draw it ended without an error, and yet {why}; ")
    assert "planted pairs" in str(error.value)


def test_a_result_that_was_made_with_another_config_does_not_count(tmp_path):
    config, result = tmp_path / "config.yaml", tmp_path / "result"
    settings = {"scheduler": {"epochs": 4}, "paths": {"root": "here"}}
    step = Step("train it", "train", (), result, (), config, settings, ("paths",))
    result.touch()
    assert step.lack == f"there is no {config}"
    OmegaConf.save({"scheduler": {"epochs": 2}, "paths": {"root": "there"}}, config)
    assert step.lack == f"{result} was made with another config, scheduler.epochs: 2 there, 4 now"
    OmegaConf.save({"scheduler": {"epochs": 4}, "paths": {"root": "there"}}, config)
    assert step.lack == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_step_that_a_signal_ends_stops_the_rest_with_its_exit_code(tmp_path, capfd, number):
    words = ("draw.fields=400", "draw.size=512", f"paths.root={tmp_path}/drawn")
    step = Step("draw it", "draw", words, tmp_path / "drawn" / "x")
    after = Step("never", "combine", (), tmp_path / "y")

    def end_it():
        while not (drawing := [it for it in psutil.Process().children() if "hpa_lit.draw" in it.cmdline()]):
            time.sleep(0.05)
        while not (tmp_path / "drawn").exists():
            time.sleep(0.05)
        drawing[0].send_signal(number)

    thread = threading.Thread(target=end_it)
    thread.start()
    with pytest.raises(SystemExit) as ended:
        run_steps([step, after], tmp_path / "logs")
    thread.join()
    assert ended.value.code == 128 + number
    said = capfd.readouterr().err
    assert f"error: draw it was ended by {number.name}; the same command goes on from here:" in said
    assert "never" not in said
