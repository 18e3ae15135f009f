"""Trained models for other programs: ONNX, bioimage.io, and one file for this one."""

from hpa_lit.portable.about import About, about
from hpa_lit.portable.bioimageio import write_bioimageio
from hpa_lit.portable.bundle import write_bundle
from hpa_lit.portable.installed import check_installed
from hpa_lit.portable.onnx import write_onnx

__all__ = ["About", "about", "check_installed", "write_bioimageio", "write_bundle", "write_onnx"]
