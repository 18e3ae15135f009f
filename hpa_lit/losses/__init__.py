"""Losses of method 4: each a function of tensors and a thin module over it."""

from hpa_lit.losses.arcface import ArcFaceLoss, arcface_loss
from hpa_lit.losses.asymmetric import AsymmetricLoss, asymmetric_loss
from hpa_lit.losses.bce import BCELoss, bce_loss
from hpa_lit.losses.combined import CombinedLoss, combined_loss
from hpa_lit.losses.focal import FocalLoss, focal_loss
from hpa_lit.losses.hard_log import HardLogLoss, hard_log_loss
from hpa_lit.losses.lovasz import SymmetricLovaszLoss, symmetric_lovasz_loss

__all__ = [
    "ArcFaceLoss",
    "AsymmetricLoss",
    "BCELoss",
    "CombinedLoss",
    "FocalLoss",
    "HardLogLoss",
    "SymmetricLovaszLoss",
    "arcface_loss",
    "asymmetric_loss",
    "bce_loss",
    "combined_loss",
    "focal_loss",
    "hard_log_loss",
    "symmetric_lovasz_loss",
]
