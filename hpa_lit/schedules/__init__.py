"""Learning rates by epoch (method 5), pure functions of the epoch."""

from hpa_lit.schedules.recipes import learning_rate
from hpa_lit.schedules.stepped import Stepped
from hpa_lit.schedules.warmup_cosine import WarmupCosine

__all__ = ["Stepped", "WarmupCosine", "learning_rate"]
