"""The networks (method 3): pure torch, built by name."""

from hpa_lit.nets import legacy
from hpa_lit.nets.backbone import ARCHS
from hpa_lit.nets.build import build_net, check_contract
from hpa_lit.nets.models import (
    CHANNEL_MEAN,
    CHANNEL_STD,
    Classifier,
    Embedder,
    build_classifier,
    build_embedder,
)

__all__ = [
    "ARCHS",
    "CHANNEL_MEAN",
    "CHANNEL_STD",
    "Classifier",
    "Embedder",
    "build_classifier",
    "build_embedder",
    "build_net",
    "check_contract",
    "legacy",
]
