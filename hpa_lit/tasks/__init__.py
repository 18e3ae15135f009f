"""How each kind of network is trained: the LightningModules and what they save."""

from hpa_lit.tasks.checkpoints import Checkpoints
from hpa_lit.tasks.classify import ClassifyTask
from hpa_lit.tasks.embed import EmbedTask
from hpa_lit.tasks.epoch_lines import EpochLines

__all__ = ["Checkpoints", "ClassifyTask", "EmbedTask", "EpochLines"]
