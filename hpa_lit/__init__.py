"""Protein localisation in Human Protein Atlas images: train, predict, ensemble, submit."""

__version__ = "0.2.0"
