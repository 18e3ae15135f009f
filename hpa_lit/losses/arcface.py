"""ArcFace (Deng et al. 2019, arXiv:1801.07698) averaged with the cross entropy of the plain cosines."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def arcface_loss(cosine: Tensor, codes: Tensor, scale: float = 30.0, margin: float = 0.5) -> Tensor:
    """Half the cross entropy of the scaled margin cosines plus half that of the unscaled cosines.

    The cosine c to the true class becomes cos(arccos(c) + margin) where c > cos(pi - margin), and
    c - margin sin(pi - margin) below, where the angle would pass pi.

    Args:
        cosine: Shape (N, K), -1..1; values that rounding pushed past are taken as +-1.
        codes: Shape (N,), the true class of each row, int64.
        scale: Factor on the margin cosines.
        margin: Angle added to the true class, radians.

    Returns:
        Scalar in at least float32.
    """
    cosine = cosine.to(torch.promote_types(cosine.dtype, torch.float32)).clamp(-1, 1)
    true = cosine.gather(1, codes.unsqueeze(1))
    # At exactly +-1 the root has an infinite derivative; the smallest normal number keeps it finite.
    sine = (1 - true.square()).clamp(min=torch.finfo(cosine.dtype).tiny).sqrt()
    beyond = true - margin * math.sin(math.pi - margin)
    moved = torch.where(true > math.cos(math.pi - margin), true * math.cos(margin) - sine * math.sin(margin), beyond)
    with_margin = cosine.scatter(1, codes.unsqueeze(1), moved)
    return (F.cross_entropy(scale * with_margin, codes) + F.cross_entropy(cosine, codes)) / 2


class ArcFaceLoss(nn.Module):
    """`arcface_loss` as a module."""

    def __init__(self, scale: float = 30.0, margin: float = 0.5) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin

    def forward(self, cosine: Tensor, codes: Tensor) -> Tensor:
        """Loss of cosines (N, K) against class codes (N,)."""
        return arcface_loss(cosine, codes, self.scale, self.margin)
