"""A comparison of models as one HTML file."""

import pandas as pd

from hpa_lit.figures import plots
from hpa_lit.figures.page import environment
from hpa_lit.results.comparison import METRICS, Comparison

# As headings.
NAMES = {
    "macro_f1": "Macro F1",
    "mean_average_precision": "Mean average precision",
    "focal_loss": "Focal loss",
    "calibration_error": "Calibration error",
}


def render(comparison: Comparison, cost: pd.DataFrame) -> str:
    """The page.

    Args:
        comparison: What it shows.
        cost: A row for each model: model, trainings, epochs, seconds, cpu_seconds, peak_memory_gb and
            peak_gpu_memory_gb of a process, images_per_second, parameters.
    """
    pictures = {
        metric: plots.png(plots.differences(comparison.scores[comparison.scores["metric"] == metric], NAMES[metric]))
        for metric in METRICS
    }
    return (
        environment()
        .get_template("comparison.html")
        .render(comparison=comparison, cost=cost, pictures=pictures, names=NAMES, better=METRICS)
    )
