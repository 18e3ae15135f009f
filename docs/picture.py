"""Makes pictures/answer.png of what `make demo` left: ``python docs/picture.py outputs/demo``. Needs Chromium.

Drawn cells in four planes, the answer in words with its probabilities, and the page of the report.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from PIL import Image

from hpa_lit.files import rgby
from hpa_lit.files.data_tree import DataTree
from hpa_lit.files.tree import OutputTree

PICTURE = Path(__file__).parent / "pictures" / "answer.png"
STAINS = {"microtubules": "red", "protein": "green", "nucleus": "blue", "endoplasmic reticulum": "yellow"}
TINTS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0.3, 0.4, 1), "yellow": (1, 1, 0)}
SHOWN = 6  # labels
GREEN, GREY = "#1b7837", "#b8b8b8"


def main(demo: Path) -> None:
    """Write the picture."""
    tree, pipeline = DataTree(demo / "data"), OutputTree(demo).pipeline("demo")
    answers = pd.read_csv(pipeline.answer("thresholds").wide("csv"), index_col="Id")
    limits = pd.read_csv(pipeline.answer("thresholds").thresholds, index_col="label")["threshold"]
    chosen = example(answers, pd.read_csv(tree.test_truth, index_col="Id")["Target"], list(limits.index))
    figure = plt.figure(figsize=(16, 6), dpi=100, facecolor="white")
    left, middle, right = figure.add_gridspec(1, 3, left=0.01, right=0.99, top=0.92, bottom=0.09, wspace=0.06)
    cells = left.subgridspec(2, 2, wspace=0.03, hspace=0.03)
    planes = rgby.read_channels({"rgby": tree.images("test", 256) / f"{chosen}.tif"})
    for place, ((stain, color), plane) in enumerate(zip(STAINS.items(), planes, strict=True)):
        show_plane(figure.add_subplot(cells[place]), plane, TINTS[color], stain)
    show_answer(figure.add_subplot(middle), answers.loc[chosen], limits)
    page = figure.add_subplot(right)
    page.imshow(screenshot(pipeline.report.page))
    page.set(xticks=[], yticks=[])
    page.spines[:].set_color(GREY)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)
    Image.open(PICTURE).convert("RGB").quantize(128).save(PICTURE, optimize=True)
    print(f"{chosen} -> {PICTURE}, {PICTURE.stat().st_size // 1000} kB")


def example(answers: pd.DataFrame, truth: "pd.Series[str]", labels: list[str]) -> str:
    """The image, among those whose two locations were both found and nothing else, whose answer is surest."""
    found = answers[labels].apply(lambda row: " ".join(map(str, np.flatnonzero(row))), axis=1)
    right = found[(found == truth.reindex(found.index)) & (answers[labels].sum(axis=1) == 2)].index
    sure = answers.loc[right, [f"{label} probability" for label in labels]].to_numpy()
    return str(right[np.sort(sure)[:, -2].argmax()])


def show_plane(axes: Axes, plane: rgby.Pixels, tint: tuple[float, float, float], stain: str) -> None:
    """A plane in the color of its stain, its brightest hundredth white enough to see the rest."""
    bright = np.clip(plane / np.percentile(plane, 99.5), 0, 1)
    axes.imshow(bright[:, :, None] * np.array(tint))
    axes.text(0.03, 0.03, stain, transform=axes.transAxes, color="white", fontsize=12, va="bottom")
    axes.set_axis_off()


def show_answer(axes: Axes, row: "pd.Series[float]", limits: "pd.Series[float]") -> None:
    """The answer in words above the likeliest labels, each beside its threshold."""
    probabilities = pd.Series({label: row[f"{label} probability"] for label in limits.index})
    top = probabilities.nlargest(SHOWN)[::-1]
    above = [row[label] == 1 for label in top.index]
    axes.barh(range(SHOWN), top, color=[GREEN if yes else GREY for yes in above], height=0.6)
    for place, label in enumerate(top.index):
        axes.plot([limits[label]] * 2, [place - 0.38, place + 0.38], color="black", linewidth=1.5)
        axes.text(0, place + 0.37, label, fontsize=13, va="bottom", weight="bold" if above[place] else "normal")
    axes.set(xlim=(0, 1), ylim=(-0.5, SHOWN + 0.1), yticks=[], xlabel="probability; black: the label's threshold")
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.set_box_aspect(0.9)
    axes.set_title(str(row["locations"]), fontsize=20, weight="bold", color=GREEN, pad=14)


def screenshot(page: Path) -> Image.Image:
    """The top of a page as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "page.png"
        window = ["--window-size=1000,1000", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        shot = ["--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={picture}", page.absolute().as_uri()]
        subprocess.run(["chromium", *window, *shot], check=True, capture_output=True, timeout=120)
        return Image.open(picture).convert("RGB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
