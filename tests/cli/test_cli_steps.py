import os

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from hpa_lit.cli.steps import Step, run_steps, setting
from hpa_lit.errors import InputError


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
        ),
        *("null", "1", "true", "", 1, 0.5, True, None),
        ["a b", "/c"],
        {"one fold": "/x y", "two": 3},
    ],
    ids=repr,
)
def test_hydra_reads_what_was_set(value):
    override = OverridesParser.create().parse_override(setting("key", value))
    assert override.key_or_group == "key"
    read = override.value()
    if isinstance(value, str) and value:
        read = str(read)  # a quoted string
        read = read.replace("\\${", "${")
    assert read == value


def test_a_step_is_done_while_its_result_is_newer_than_its_inputs(tmp_path):
    source, result = tmp_path / "in", tmp_path / "out"
    step = Step("make", "combine", (), result, (source,))
    assert not step.done
    source.touch()
    result.touch()
    os.utime(source, (100, 100))
    os.utime(result, (200, 200))
    assert step.done
    os.utime(source, (300, 300))
    assert not step.done
    source.unlink()
    assert not step.done


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
