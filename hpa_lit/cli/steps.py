"""The steps of a pipeline: commands started as processes, skipped where their results are there."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm

from hpa_lit.cli.claim import differences
from hpa_lit.cli.words import in_quotes
from hpa_lit.errors import InputError, end
from hpa_lit.processes import OF_A_SIGNAL, signal_of

LOOKED_AT = 0.5  # seconds between looks at a running command
SAID = 20  # lines of a failed command's output that are repeated


@dataclass(frozen=True)
class Step:
    """One command and the files that say whether it is still to be run.

    Attributes:
        name: What it does, for people.
        verb: The command, such as "predict".
        arguments: Its settings, such as "fold=0".
        output: The last file it writes.
        inputs: Files that it reads: outputs of earlier steps, or there before.
        config: File that says what the output was made with, where another command may have made it.
        settings: What it must say but for keys that begin with one of `free`, plain containers.
        free: See `claim.claim`.
    """

    name: str
    verb: str
    arguments: tuple[str, ...]
    output: Path
    inputs: tuple[Path, ...] = ()
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shlex.join(["python", "-m", f"hpa_lit.{self.verb}", *self.arguments])

    @property
    def lack(self) -> str:
        """Why its result does not count; empty where it is there, made as asked, and no older than its inputs."""
        if absent := [path for path in (*self.inputs, self.output, self.config) if path and not path.is_file()]:
            return f"there is no {absent[0]}"
        if self.config and (changed := differences(self.config, self.settings, self.free)):
            return f"{self.output} was made with another config, {changed[0]}"
        made = self.output.stat().st_mtime_ns
        newer = [path for path in self.inputs if path.stat().st_mtime_ns > made]
        return f"{self.output} is older than {newer[0]}" if newer else ""


def setting(key: str, value: object) -> str:
    """``key=value`` as Hydra's command line reads it, whatever characters a path holds; lists and mappings too."""
    return f"{key}={_quoted(value)}"


def run_steps(steps: Sequence[Step], logs: Path, at_once: int = 1) -> None:
    """Run what is still to be run, in order, showing how far it has come.

    Args:
        steps: Each after those whose outputs it reads.
        logs: Folder for what the commands print.
        at_once: How many run at a time, each with its share of the cores, where none reads what another makes.

    Raises:
        InputError: A command failed, or ended well without its result; gives the end of its output.
        SystemExit: A command was ended by a signal, which is said, and so is this process.
    """
    logs.mkdir(parents=True, exist_ok=True)
    shape = "{desc} |{bar:24}| {elapsed}{postfix}"
    running: list[_Running] = []
    with tqdm(total=len(steps), bar_format=shape, leave=False, disable=None, dynamic_ncols=True) as bar:
        try:
            for number, step in enumerate(steps, 1):
                while len(running) == at_once or any(other.step.output in step.inputs for other in running):
                    _finish_one(running, bar)
                head = f"[{number:2}/{len(steps)}] {step.name}"
                if not step.lack:
                    bar.write(f"{head}: there already")
                    bar.update()
                else:
                    log = logs / f"{number:02}_{re.sub(r'[^a-z0-9]+', '_', step.name)}.log"
                    running.append(_Running(step, head, log, _begun(step, log, at_once), time.monotonic()))
            while running:
                _finish_one(running, bar)
        finally:
            for other in running:
                other.process.terminate()
            for other in running:
                other.process.wait()


@dataclass(frozen=True)
class _Running:
    """A command that was started."""

    step: Step
    head: str
    log: Path
    process: "subprocess.Popen[bytes]"
    start: float


def _begun(step: Step, log: Path, at_once: int) -> "subprocess.Popen[bytes]":
    """Start a command with its output in a log; beside others with no more threads than there are cores for it."""
    threads = {} if at_once == 1 else {"OMP_NUM_THREADS": str(max(1, joblib.cpu_count() // at_once))}
    command = [sys.executable, "-m", f"hpa_lit.{step.verb}", *step.arguments]
    with log.open("w+b") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=threads | os.environ)


def _finish_one(running: "list[_Running]", bar: "tqdm[Any]") -> None:
    """Wait until a command ends, while the bar shows the end of the first one's log, and see whether it ended well."""
    while (ended := next((other for other in running if other.process.poll() is not None), None)) is None:
        bar.set_description_str(running[0].head)
        bar.set_postfix_str(_tail(running[0].log, 1)[:80])
        time.sleep(LOOKED_AT)
    running.remove(ended)
    bar.set_postfix_str("")
    step, process, log = ended.step, ended.process, ended.log
    if by := signal_of(process.returncode):
        raise end(
            f"{step.name} was ended by {by.name}; the same command goes on from here:\n{step}\n{_tail(log, SAID)}",
            OF_A_SIGNAL + by,
        )
    if process.returncode or step.lack:
        trouble = "failed" if process.returncode else f"ended without an error, and yet {step.lack}"
        raise InputError(
            f"{step.name} {trouble}; the same command goes on from here once this is mended:\n{step}\n"
            f"{_tail(log, SAID)}\nAll that it said is in {log}"
        )
    bar.write(f"{ended.head}: {time.monotonic() - ended.start:.0f} s")
    bar.update()


def _tail(log: Path, lines: int) -> str:
    """The last lines of a log; of a progress bar, what it showed last."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 8192))
        text = file.read().decode(errors="replace")
    whole = [line.rstrip("\r").rpartition("\r")[2].strip() for line in text.split("\n")]
    return "\n".join([line for line in whole if line][-lines:])


def _quoted(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_quoted(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_quoted, value)) + "]"
    if value is None or not isinstance(value, str | Path):
        return json.dumps(value)
    text = str(value)
    if re.fullmatch(r"[\w.:-]*/[\w./:-]*", text, re.ASCII):
        return text
    # OmegaConf reads ${ as the beginning of another key, unless a backslash stands before it.
    return in_quotes(re.sub(r"(\\*)\$\{", r"\1\1\\${", text))
