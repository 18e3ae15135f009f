"""The figures of a report, drawn from tables. Colours are Okabe and Ito's, which colour-blind people tell apart.

Figures are as wide in inches as leaves their text legible on a telephone: about 4.4 for one alone, 2.2 for one of many.
"""

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
LINES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_WIDE, _SMALL = 4.4, 2.2


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG of at most 256 colours, a third of its size; the same for the same figure."""
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=180)
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(written, "png", optimize=True)
    return written.getvalue()


def label_scores(table: pd.DataFrame) -> Figure:
    """F1 and average precision of each label with their intervals, the commonest label on top.

    Args:
        table: label, support, and f1 and average_precision with <score>_low and <score>_high.
    """
    rows = table.sort_values("support", kind="stable", ignore_index=True)
    figure, axes = _axes(_WIDE, 0.9 + 0.3 * len(rows))
    for score, color, shift, name in (
        ("f1", BLUE, 0.14, "F1"),
        ("average_precision", ORANGE, -0.14, "average precision"),
    ):
        where = rows.index + shift
        axes.hlines(where, rows[f"{score}_low"], rows[f"{score}_high"], color=color, linewidth=1.6, alpha=0.55)
        axes.plot(rows[score], where, "o", color=color, markersize=4.5, label=name)
    axes.set_yticks(
        rows.index, [f"{name} ({count})" for name, count in zip(rows["label"], rows["support"], strict=True)]
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(rows) - 0.4))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def differences(scores: pd.DataFrame, name: str) -> Figure:
    """A metric of each model with its interval, the first model on top and its value a line.

    Args:
        scores: model, value, low, high; a row for each model.
        name: Of the metric.
    """
    rows = scores.iloc[::-1].reset_index(drop=True)
    models = [model if len(model) <= 30 else re.sub("(.{12,29}[_/])", "\\1\n", model) for model in rows["model"]]
    lines = max(2, *(1 + model.count("\n") for model in models))
    figure, axes = _axes(_WIDE, 0.9 + 0.16 * lines * len(rows))
    axes.axvline(rows["value"].iloc[-1], color=GREY, linewidth=1, linestyle=":")
    colors = [{"better": GREEN, "worse": ORANGE}.get(verdict, BLUE) for verdict in rows["verdict"]]
    axes.hlines(rows.index, rows["low"], rows["high"], color=colors, linewidth=1.6, alpha=0.55)
    axes.scatter(rows["value"], rows.index, c=colors, s=22, zorder=3)
    axes.set_yticks(rows.index, models)
    axes.set(xlabel=name, ylim=(-0.6, len(rows) - 0.4))
    return figure


def precision_recall(curve: pd.DataFrame, answer: tuple[float, float], share: float) -> Figure:
    """The curve of one label, and the point on it that the answers chose.

    Args:
        curve: precision, recall.
        answer: Recall and precision of the answers.
        share: Share of images with the label, which is the precision of guessing.
    """
    figure, axes = _axes(_SMALL, _SMALL)
    axes.axhline(share, color=GREY, linewidth=1, linestyle=":")
    axes.plot(curve["recall"], curve["precision"], color=BLUE, drawstyle="steps-post")
    axes.plot(*answer, "o", color=ORANGE, markersize=7, clip_on=False, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    return figure


def matrix(shares: pd.DataFrame, row_name: str, column_name: str) -> Figure:
    """A matrix of shares in blues, each of at least a hundredth with its percent.

    Args:
        shares: 0..1, NaN where there is nothing to have a share of.
        row_name: What the rows are.
        column_name: What the columns are.
    """
    side = 2.6 + 0.3 * len(shares)
    figure, axes = _axes(side, side - 0.3)
    values = shares.to_numpy(np.float64)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(values >= 0.01).tolist():
        ink = "white" if values[row, column] > 0.55 else "black"
        axes.text(column, row, f"{values[row, column]:.0%}"[:-1], ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(len(shares.columns)), shares.columns, rotation=90)
    axes.set_yticks(range(len(shares)), shares.index)
    axes.set(xlabel=column_name, ylabel=row_name)
    axes.grid(False)
    return figure


def reliability(table: pd.DataFrame) -> Figure:
    """Shares against probabilities, and below how many pairs of image and label each point stands for.

    Args:
        table: As `calibration.reliability` gives it.
    """
    figure = Figure((_WIDE, 4.8), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes in (upper, lower):
        _plain(axes)
    upper.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    full = table[table["cells"] > 0]
    upper.plot(full["probability"], full["share"], "o-", color=BLUE, markersize=5)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that has the label")
    lower.bar(table["low"], table["cells"], table["high"] - table["low"], align="edge", color=BLUE, edgecolor="white")
    lower.set(yscale="symlog", xlabel="probability", ylabel="pairs")
    lower.set_ylim(bottom=0)
    return figure


def steps(table: pd.DataFrame) -> Figure:
    """Macro F1 after each step with its interval, the first on top.

    Args:
        table: As `curves.steps` gives it.
    """
    figure, axes = _axes(_WIDE, 0.9 + 0.45 * len(table))
    where = np.arange(len(table))
    axes.hlines(where, table["low"], table["high"], color=BLUE, linewidth=2, alpha=0.5)
    axes.plot(table["macro_f1"], where, "o-", color=BLUE)
    axes.set_yticks(where, table["step"])
    axes.set(xlabel="macro F1", ylim=(len(table) - 0.5, -0.5))
    return figure


def training(runs: Mapping[str, pd.DataFrame], columns: Sequence[str], ylabel: str, log: bool = False) -> Figure:
    """Metrics of several runs by epoch: a colour for each run, a line style for each column.

    Args:
        runs: Tables as `curves.training` gives them, by the run's name.
        columns: The metrics to draw; the last one, solid, is the one that counts.
        ylabel: What they measure.
        log: Whether the axis is logarithmic.
    """
    figure, axes = _axes(_WIDE, 3.1)
    styles = ("-", "--")[: len(columns)]
    for number, (name, table) in enumerate(runs.items()):
        for column, style in zip(reversed(columns), styles, strict=True):
            known = table.dropna(subset=column)
            marker = "." if len(known) < 10 else ""
            label = f"{name}, {column.split('/')[0]}" if len(columns) > 1 else name
            color = LINES[number % len(LINES)]
            axes.plot(known["epoch"], known[column], style, marker=marker, color=color, label=label)
    axes.set(xlabel="epoch", ylabel=ylabel, yscale="log" if log else "linear")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", frameon=False, fontsize=8)
    return figure


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure((width, height), layout="constrained")
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
