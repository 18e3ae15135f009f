"""How each kind of network is trained: the LightningModules and what they save."""

from hpa_lit.tasks.checkpoint_files import CheckpointFiles, newest_whole
from hpa_lit.tasks.checkpoints import Checkpoints
from hpa_lit.tasks.classify import ClassifyTask
from hpa_lit.tasks.embed import EmbedTask
from hpa_lit.tasks.epoch_lines import EpochLines
from hpa_lit.tasks.finite import FiniteLoss
from hpa_lit.tasks.frozen_backbone import FrozenBackbone
from hpa_lit.tasks.interruption import Interruption

__all__ = [
    "CheckpointFiles",
    "Checkpoints",
    "ClassifyTask",
    "EmbedTask",
    "EpochLines",
    "FiniteLoss",
    "FrozenBackbone",
    "Interruption",
    "newest_whole",
]
