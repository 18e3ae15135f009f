"""Tab completion, as a real bash and a real zsh do it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_configs import CONF, composed

from hpa_lit.__main__ import COMMANDS
from hpa_lit.cli.completion import candidates

HPA_LIT = Path(sys.executable).parent / "hpa-lit"
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SETUP = {
    "bash": "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'",
    "zsh": "unsetopt zle_bracketed_paste beep; autoload -Uz compinit; compinit -u -D; bindkey -e",
}


class Shell:
    """An interactive shell at a terminal, in a folder."""

    def __init__(self, name, folder):
        environment = {"PATH": f"{HPA_LIT.parent}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb"}
        environment |= {key: os.environ[key] for key in ("PYTHONPATH", "HPA_LIT_SHARED") if key in os.environ}
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execvpe(name, START[name], environment)
        self.pid, self.said = pid, ""
        self.run(f'{SETUP[name]}; eval "$(hpa-lit completion {name})"')

    def send(self, text):
        os.write(self.terminal, text.encode())

    def until(self, sentinel, seconds=60):
        """What is said up to a text."""
        end = time.monotonic() + seconds
        while sentinel not in self.said:
            assert time.monotonic() < end, self.said
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.said += os.read(self.terminal, 2**16).decode(errors="replace")
        before, _, self.said = self.said.partition(sentinel)
        return before

    def run(self, line):
        """What a line prints."""
        self.send(f"{line}; printf '<%s>\\n' end\n")
        return self.until("<end>")

    def completed(self, line):
        """The words of a line once Tab was pressed at its end."""
        self.send(f"{line}\t")
        self.send("\x01printf '<%s>' \x05 end; printf '<%s>\\n' done\n")
        said = self.until("<done>").replace("\r", "").replace("\n", "")
        return said[said.rindex("<hpa-lit>") :].removesuffix("<end>")

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request, tmp_path_factory):
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param}")
    if not HPA_LIT.is_file():
        pytest.skip("hpa-lit is not installed as a program")
    folder = tmp_path_factory.mktemp("home")
    for name in ("pictures", "mine/tiles of one"):
        (folder / name).mkdir(parents=True)
    (folder / "labels.csv").touch()
    shell = Shell(request.param, folder)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hpa-lit tra", "<hpa-lit><train>"),
        ("hpa-lit comb", "<hpa-lit><combine>"),
        ("hpa-lit train scheduler.ep", "<hpa-lit><train><scheduler.epochs=>"),
        ("hpa-lit train exper", "<hpa-lit><train><experiment=>"),
        ("hpa-lit train arch=inc", "<hpa-lit><train><arch=inceptionv3>"),
        ("hpa-lit train data=fol", "<hpa-lit><train><data=folder>"),
        ("hpa-lit train -m fold=0,1 arch=tiny,inc", "<hpa-lit><train><-m><fold=0,1><arch=tiny,inceptionv3>"),
        ("hpa-lit predict epoch=b", "<hpa-lit><predict><epoch=best>"),
        ("hpa-lit check strict=t", "<hpa-lit><check><strict=true>"),
        ("hpa-lit train labels=lab", "<hpa-lit><train><labels=labels.csv>"),
        ("hpa-lit predict images=pict", "<hpa-lit><predict><images=pictures>"),
        ("hpa-lit check images=mine/til", "<hpa-lit><check><images=mine/tiles of one>"),
        ("hpa-lit train fold=lab", "<hpa-lit><train><fold=lab>"),
    ],
)  # fmt: skip
def test_tab_completes(shell, line, words):
    assert shell.completed(line).replace("/>", ">") == words  # zsh takes the slash away before what is typed next


@pytest.mark.parametrize("command", COMMANDS)
def test_keys_are_those_of_the_config(command):
    known = {word.rstrip("=.") for word in candidates(f"hpa-lit {command} ", COMMANDS)}
    words = {
        "predict": ["arch=tiny", "data=folder"],
        "embed": ["arch=tiny", "data=folder"],
        "export": ["arch=tiny", "data=folder"],
        "submit": ["output=o"],
    }
    config = composed(*words.get(command, []), name=command)
    assert config.keys() - {"run_folder", "targets", "monitor", "mode"} <= known
    for section, values in config.items():
        if isinstance(values, dict) and section not in ("callbacks", "logger"):
            below = {word.rstrip("=.") for word in candidates(f"hpa-lit {command} {section}.", COMMANDS)}
            assert {f"{section}.{key}" for key in values if key[0] != "_"} <= below


def test_choices_are_those_of_the_groups_and_of_the_settings():
    archs = [path.stem for path in (CONF / "arch").glob("*.yaml") if path.stem != "base"]
    assert candidates("hpa-lit train arch=", COMMANDS) == sorted(archs)
    assert candidates("hpa-lit submit thresholds=", COMMANDS) == ["auto", "ratio", "fixed", "f1", "soft_f1"]
    assert candidates("hpa-lit submit ratios=", COMMANDS) == ["train", "leaderboard", "/"]
    assert candidates("hpa-lit report images=", COMMANDS) == ["/"]
    assert candidates("hpa-lit train batch_size=", COMMANDS) == []
    assert candidates("hpa-lit train logger=[csv,w", COMMANDS) == ["[csv,wandb"]
    assert candidates("hpa-lit nonsense x", COMMANDS) == []
    assert candidates("hpa-lit completion ", COMMANDS) == ["bash", "zsh"]


def test_configs_of_ones_own_are_completed(tmp_path):
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch" / "own.yaml").write_text("arch: own\nwidth: 5\n")
    line = f"hpa-lit train --config-dir {tmp_path} arch"
    assert "own" in candidates(f"{line}=o", COMMANDS)
    assert "arch.width=" in candidates(f"{line}.", COMMANDS)


def test_an_answer_waits_for_no_heavy_import():
    code = (
        "import sys\n"
        "from hpa_lit.__main__ import main\n"
        "for line in ('hpa-lit train data.', 'hpa-lit train arch=', 'hpa-lit predict epoch='):\n"
        "    sys.argv = ['hpa-lit', 'completion', 'candidates', line]\n"
        "    main()\n"
        "    assert line[-6:] == 'epoch=' or 'hydra' not in sys.modules\n"
        "assert not {'torch', 'pandas', 'cv2', 'scipy', 'sklearn', 'tifffile'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_other_shells_are_named():
    done = subprocess.run([sys.executable, "-m", "hpa_lit", "completion", "fish"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == 'error: name your shell, bash or zsh, as in: eval "$(hpa-lit completion bash)"\n'
