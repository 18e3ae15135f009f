"""Cellpose with a network whose answer is known: it points up the brightness of what is around nuclei."""

from functools import partial

import cv2
import numpy as np
import torch

RADIUS = 60  # of the cells, in pixels; that of their nuclei is half of it
CENTRES = [(80, 90), (230, 100), (150, 240)]


def network(monkeypatch):
    """The class of the networks of the Cellpose that is installed, and one of them with random weights."""
    from cellpose import models

    if hasattr(models, "CPnet"):
        return models.CPnet, models.CPnet([2, 32, 64, 128, 256], 3, sz=3)
    from segment_anything.build_sam import _build_sam, sam_model_registry

    # Release 4 has a network of 1.2 GB; here is a small one of its kind.
    small = partial(_build_sam, 32, 2, 2, [0, 1])
    monkeypatch.setitem(sam_model_registry, "vit_l", small)
    made = models.CPSAM if hasattr(models, "CPSAM") else models.Transformer
    return made, made()


def save_weights(path, monkeypatch, seed=0):
    """Write random weights, and let any network answer as the known one does."""
    torch.manual_seed(seed)
    kind, net = network(monkeypatch)
    net.save_model(path)
    monkeypatch.setattr(kind, "forward", known)
    return path


def known(net, images):
    """Flows and logits of cells, (N, 3, h, w), and styles of images (N, C, h, w), by their first channel."""
    stain = images[:, :1].float()
    padded = torch.nn.functional.pad(stain, (1, 1, 1, 1), "replicate")
    down, across = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1], padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    length = (down**2 + across**2).sqrt().clamp(min=1e-6)
    inside = torch.where(stain > 0.25, 5.0, -5.0)
    return torch.cat([5 * down / length, 5 * across / length, inside], 1), torch.ones(len(images), 256)


def cones(zoom=1):
    """A field of three cells that are bright in their middles, (4, H, W) uint8, and where they are, (H, W) uint16."""
    height, width = 320 * zoom, 330 * zoom
    field, cells = np.zeros((4, height, width), np.uint8), np.zeros((height, width), np.uint16)
    rows, columns = np.mgrid[:height, :width]
    for number, (y, x) in enumerate(CENTRES, 1):
        away = np.hypot(rows - y * zoom, columns - x * zoom) / (RADIUS * zoom)
        cells[away < 1] = number
        field[[0, 3]] = np.maximum(field[[0, 3]], np.where(away < 1, 220 - 160 * away, 0).astype(np.uint8))
        cv2.circle(field[2], (x * zoom, y * zoom), RADIUS * zoom // 2, 150, -1)
    return field, cells
