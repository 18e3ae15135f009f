"""Timing ways of doing the same work side by side, and writing down what was seen: JSON, and a table in README.md."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpa_lit import processes

HERE = Path(__file__).parent
PAGE = HERE / "README.md"
RESULTS = HERE / "results"
LIBRARIES = (
    "torch",
    "numpy",
    "opencv-python-headless",
    "imagecodecs",
    "tifffile",
    "pytorch-lightning",
    "scipy",
    "ImageHash",
)


@dataclass(frozen=True)
class Row:
    """A line of the table: what is asked is a least ratio to the plain way or a largest one to the floor."""

    work: str
    asked: str
    measured: str
    floor: str
    note: str = ""


@dataclass
class Outcome:
    """What a benchmark saw: the lines of the table, and every number behind them by name."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def seconds(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each way. The ways take turns, so that what else the machine does hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            begin = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory() -> float:
    """The most memory that this process has held since its start or since `forget_peak`, in GiB; on Linux alone."""
    peak = processes.peak_memory()
    assert peak is not None
    return peak / 2**30


def forget_peak() -> None:
    """Begin `peak_memory` anew, from what is held now."""
    Path("/proc/self/clear_refs").write_text("5")


def resident_memory() -> int:
    """The memory that this process holds now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def facts() -> dict[str, Any]:
    """The machine, its load, the versions and the day."""
    cpu = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": cpu[0] if cpu else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": gpu(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def gpu() -> str | None:
    """Name of the first GPU."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def main(name: str, run: Callable[[bool], Outcome]) -> None:
    """Run a benchmark: at full size it is written down, with --small it is tried out alone."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=run.__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes, nothing written: does it work?")
    small = parser.parse_args().small
    begun = facts()
    outcome = run(small)
    print(table(["work", "asked", "measured", "floor", "note"], [list(asdict(row).values()) for row in outcome.rows]))
    if not small:
        write(name, begun | {"load_after": round(os.getloadavg()[0], 2)}, outcome)


def write(name: str, machine: dict[str, Any], outcome: Outcome) -> None:
    """Write a result and the page that shows all."""
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine, "rows": [asdict(row) for row in outcome.rows], "figures": outcome.figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    show_results()


def show_results() -> None:
    """Write every result into the table of README.md, in the order of `benchmarks.ORDER`."""
    from benchmarks.__main__ import ORDER

    found = {name: json.loads(path.read_text()) for name in ORDER if (path := RESULTS / f"{name}.json").is_file()}
    rows = [
        [*(row[key] for key in ("work", "asked", "measured", "floor", "note")), name]
        for name, result in found.items()
        for row in result["rows"]
    ]
    machines = [
        [
            name,
            result["machine"]["date"],
            f"{result['machine']['cpu']}, {result['machine']['cores']} cores, {result['machine']['memory_gib']} GiB",
            result["machine"]["gpu"] or "none",
            f"{result['machine']['load'][0]} to {result['machine']['load_after']}",
        ]
        for name, result in found.items()
    ]
    versions = ", ".join(f"{k} {v}" for k, v in next(iter(found.values()))["machine"]["versions"].items())
    fill("results", table(["work", "asked", "measured", "floor", "note", "benchmark"], rows))
    fill("machines", table(["benchmark", "date", "machine", "GPU", "load"], machines) + f"\n\n{versions}.")


def fill(marker: str, text: str, path: Path | None = None) -> None:
    """Put text between the marks of its place in a page, README.md where none is named."""
    path = path or PAGE
    page = path.read_text()
    begin, end = f"<!-- {marker} -->\n", f"<!-- end of {marker} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}{text}\n{end}{after}")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
