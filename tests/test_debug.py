"""What a command says of a defect of ours, and of bad input, with and without HPA_LIT_DEBUG=1."""

import sys

import pytest

from hpa_lit import draw
from hpa_lit.errors import BAD_INPUT, DEFECT, InputError, ended_by


@pytest.fixture
def start(tmp_path, monkeypatch, capfd):
    """Run draw with a plan of its own; gives its exit code and what it says."""

    def run(error):
        def plan(*args, **kwargs):
            raise error

        monkeypatch.setattr("hpa_lit.synthetic.draw_atlas", plan)
        monkeypatch.setattr(sys, "argv", ["hpa-lit draw", f"paths.root={tmp_path}"])
        with pytest.raises(SystemExit) as ended:
            draw.main()
        return ended.value.code, capfd.readouterr().err

    return run


def test_a_defect_is_one_sentence_that_says_where_and_exit_code_1(start):
    code, said = start(KeyError("x"))
    assert code == DEFECT
    assert said.startswith("error: this is a defect of hpa_lit: KeyError: 'x' in hpa_lit/draw.py, line ")
    assert said.endswith("; HPA_LIT_DEBUG=1 shows the traceback, please report it\n")
    assert said.count("\n") == 1


def test_debug_shows_the_traceback_of_a_defect_and_of_bad_input(start, monkeypatch):
    assert "Traceback" not in start(InputError("draw.size=1: too small"))[1]
    monkeypatch.setenv("HPA_LIT_DEBUG", "1")
    for error, code in ((KeyError("x"), DEFECT), (InputError("draw.size=1: too small"), BAD_INPUT)):
        ended, said = start(error)
        assert ended == code
        assert said.startswith("Traceback (most recent call last):\n")
        assert 'draw.py", line' in said
        assert said.splitlines()[-1].startswith("error: ")


def test_too_little_memory_is_no_defect(capfd):
    assert ended_by(MemoryError("Unable to allocate 7 TiB")).code == BAD_INPUT
    assert capfd.readouterr().err == (
        "error: out of memory: Unable to allocate 7 TiB; set a smaller batch_size, or smaller images\n"
    )


def test_a_worker_s_traceback_is_left_out(capfd):
    ended_by(RuntimeError("Caught KeyError in worker 0.\nOriginal Traceback (most recent call last):\nKeyError: 'x'"))
    assert "RuntimeError: KeyError: 'x'; HPA_LIT_DEBUG=1" in capfd.readouterr().err
