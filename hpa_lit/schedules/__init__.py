"""Learning rates by epoch (SPEC section 5), pure functions of the epoch."""

from hpa_lit.schedules.steps import SCHEDULES, learning_rate

__all__ = ["SCHEDULES", "learning_rate"]
