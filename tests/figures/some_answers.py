"""A few answers, made up, and pictures of them."""

import numpy as np

from hpa_lit.results.answers import Answers, JudgedAnswers

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
