"""The chapters of a report: from answers and tables to the numbers, figures and pictures that its page shows.

Each function makes the chapter that the file of the same name in ``figures/template`` shows.
"""

from hpa_lit.figures.chapters.cells import READ, cells
from hpa_lit.figures.chapters.chapter import Chapter
from hpa_lit.figures.chapters.gallery import activations, examples, images
from hpa_lit.figures.chapters.headline import summary, verdict
from hpa_lit.figures.chapters.labels import confusion, cooccurrence, counts, scores
from hpa_lit.figures.chapters.probabilities import calibration, precision_recall
from hpa_lit.figures.chapters.progress import steps, training

__all__ = [
    "READ",
    "Chapter",
    "activations",
    "calibration",
    "cells",
    "confusion",
    "cooccurrence",
    "counts",
    "examples",
    "images",
    "precision_recall",
    "scores",
    "steps",
    "summary",
    "training",
    "verdict",
]
