"""From a checkpoint and images to a prediction file (method 8)."""

from hpa_lit.inference.answering import answered, said
from hpa_lit.inference.appearance import appearances
from hpa_lit.inference.cells import cell_images, cell_sizes, cell_surroundings, seeing_fields, sees_cells
from hpa_lit.inference.datasets import LOADING, find_images, seen_images
from hpa_lit.inference.finding import CHOOSING, find_model
from hpa_lit.inference.formats import check_format, export, refuse_failed, refuse_other
from hpa_lit.inference.job import RUNNING, Job, folder_of, predict
from hpa_lit.inference.model import Model, describe
from hpa_lit.inference.sizes import as_read
from hpa_lit.inference.views import view_names

__all__ = [
    "CHOOSING",
    "LOADING",
    "RUNNING",
    "Job",
    "Model",
    "answered",
    "appearances",
    "as_read",
    "cell_images",
    "cell_sizes",
    "cell_surroundings",
    "check_format",
    "describe",
    "export",
    "find_images",
    "find_model",
    "folder_of",
    "predict",
    "refuse_failed",
    "refuse_other",
    "said",
    "seeing_fields",
    "seen_images",
    "sees_cells",
    "view_names",
]
