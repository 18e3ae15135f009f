"""A few answers, made up, pictures of them, and their cells."""

import numpy as np
import pandas as pd

from hpa_lit.files import label_image
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.results.answers import Answers, JudgedAnswers
from hpa_lit.results.cell_folder import CellFolder
from hpa_lit.results.cell_scores import CellScores

NAMES = ("bright", "dark", "odd")
IDS = ("a", "b", "c/ä", "d")
TRUTH = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0]], np.uint8)
GIVEN = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 0]], np.uint8)
PROBS = np.array([[0.9, 0.1, 0.1], [0.8, 0.3, 0.6], [0.88, 0.45, 0.1], [0.2, 0.95, 0.3]])
THRESHOLDS = np.array([0.6, 0.5, 0.5])


def bare():
    return Answers(ids=IDS, names=NAMES, probs=PROBS, given=GIVEN, thresholds=THRESHOLDS)


def judged():
    return JudgedAnswers(ids=IDS, names=NAMES, probs=PROBS, given=GIVEN, thresholds=THRESHOLDS, truth=TRUTH)


def pictures(*ids):
    """A picture of 8 x 12 pixels for each Id, whose planes are 40, 80, 120 and 160."""
    return {image_id: np.full((8, 12, 4), (40, 80, 120, 160), np.uint8) for image_id in ids}


def two_cells():
    """The mask of the pictures: cell 1 in the left third, 2 in the right one, of 8 x 12 pixels."""
    mask = np.zeros((8, 12), np.uint16)
    mask[:, :4], mask[:, 8:] = 1, 2
    return mask


def some_cells(folder):
    """Cells of all but d, which has none; those of b differ most, and then those of c/ä."""
    for image_id in IDS[:3]:
        label_image.write(CellTree(folder).mask(image_id), two_cells())
    fields = pd.DataFrame(
        {
            "Id": ["b", "c/ä", "a", "d"],
            "cell_count": [2, 2, 2, 0],
            "cell_shares": ["bright 0.50, odd 0.50", "bright 0.25", "bright 1.00", ""],
            "cell_entropy": [1.0, 0.811, 0.0, np.nan],
            "cells_differ": [True, True, False, False],
            "remark": ["", "", "", "there is no mask"],
        }
    )
    answers = ["bright", "bright", "bright, odd", "", "bright", ""]
    cells = pd.DataFrame(
        {
            "field": ["a", "a", "b", "b", "c/ä", "c/ä"],
            "number": [1, 2] * 3,
            "answer": answers,
            "remark": ["", "border", "", "", "", "tiny"],
        }
    )
    labels = pd.DataFrame({"label": NAMES, "average_precision": [0.5, 0.25, np.nan], "cells": [4, 2, 0]})
    return CellFolder(CellTree(folder), fields, cells, CellScores(3, 7, 6, 0.75, 0.375, 0.1, labels))
