"""What the multilabel losses ask of their arguments."""

import torch
from torch import Tensor


def prepare(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Check the shapes and bring both to one floating type of at least float32.

    Args:
        logits: Shape (N, K), any floating type.
        target: Shape (N, K), 0 or 1 in any numeric type.

    Returns:
        Logits and targets, both (N, K) in float32, or float64 where the logits are.

    Raises:
        ValueError: The shapes differ, are not (N, K), or hold no element.
    """
    if logits.shape != target.shape or logits.ndim != 2 or not logits.numel():
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} and target of shape {tuple(target.shape)}: both must be (N, K)"
        )
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return logits.to(dtype), target.to(dtype)
