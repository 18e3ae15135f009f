"""A look at every label: fields in false colors, their protein planes beside them."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from hpa_lit.labels import LABEL_NAMES
from hpa_lit.synthetic.field import draw_field

CAPTION = 20  # height of a row's caption in pixels


def contact_sheet(
    labels: Sequence[int] = range(len(LABEL_NAMES)), size: int = 256, columns: int = 4, fields: int = 1, seed: int = 0
) -> npt.NDArray[np.uint8]:
    """Draw a panel a label: `fields` fields, each as a picture of its red, green and blue planes, then its green one.

    Returns:
        RGB picture of shape (rows * (size + CAPTION), columns * fields * 2 * size, 3), labels in rows of `columns`.
    """
    panels = []
    for label in labels:
        caption = np.zeros((CAPTION, 2 * fields * size, 3), np.uint8)
        cv2.putText(caption, f"{label} {LABEL_NAMES[label]}", (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,) * 3, 1)
        pictures = []
        for number in range(fields):
            image = draw_field([label], 512, np.random.default_rng([seed, label, number]))
            small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
            pictures += [small[:, :, :3], np.repeat(small[:, :, 1:2], 3, axis=2)]
        panels.append(np.vstack([caption, np.hstack(pictures)]))
    panels += [np.zeros_like(panels[0])] * (-len(panels) % columns)
    return np.vstack([np.hstack(panels[k : k + columns]) for k in range(0, len(panels), columns)])
