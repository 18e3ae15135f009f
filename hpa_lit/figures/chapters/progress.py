"""How the answers came about: what each step gained, and how the networks were trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hpa_lit.figures import plots
from hpa_lit.figures.chapters.chapter import Chapter
from hpa_lit.results import curves

# Columns of training logs that share a figure, and its name; the last column is the one that counts.
_METRICS = {
    "loss": (("train/loss", "valid/loss"), "loss"),
    "focal": (("valid/focal",), "validation focal loss"),
    "macro_f1": (("valid/macro_f1",), "validation macro F1"),
    "map5": (("valid/map5",), "validation map5"),
    "lr": (("lr",), "learning rate"),
}


def steps(paths: Mapping[str, Path]) -> Chapter:
    """The score after each step, as `curves.steps` reads it."""
    table = curves.steps(paths)
    return Chapter(tables={"steps": table}, pictures={"steps": plots.png(plots.steps(table))})


def training(logs: Mapping[str, Sequence[Path]]) -> Chapter:
    """The training curves of runs, classifiers and embedders apart, since their losses are not of one kind.

    Args:
        logs: Their CSV logs, see `curves.training`, by the name of the run.
    """
    runs = {name: curves.training(paths) for name, paths in logs.items()}
    figures, pictures = [], {}
    for kind, mark in (("classifier", "valid/macro_f1"), ("embedder", "valid/map5")):
        alike = {name: table for name, table in runs.items() if mark in table}
        for metric, (columns, ylabel) in _METRICS.items():
            if having := {name: table for name, table in alike.items() if set(columns) <= set(table)}:
                name, title = f"training_{kind}_{metric}", f"{ylabel} ({kind})"
                pictures[name] = plots.png(plots.training(having, columns, title, log=metric == "lr"))
                figures.append({"picture": name, "title": title, "runs": _from_to(having, columns[-1])})
    table = pd.concat([table.assign(run=name) for name, table in runs.items()]).set_index("run").reset_index()
    return Chapter({"figures": figures}, {"training": table}, pictures)


def _from_to(runs: Mapping[str, pd.DataFrame], column: str) -> str:
    """A metric's first and last value in each run, in words."""
    known = {name: table[column].dropna() for name, table in runs.items()}
    return ", ".join(f"{name} from {values.iloc[0]:.3g} to {values.iloc[-1]:.3g}" for name, values in known.items())
