"""Training images mixed with one another: torchvision's MixUp and CutMix, for losses that want targets of 0 and 1.

Torchvision mixes the targets too, to shares that a loss which ranks or counts images cannot take. Here a loss is
share * loss(scores, target) + (1 - share) * loss(scores, partners(target)) instead, which for a loss that is linear in
the target, such as the cross entropy, is the same.
"""

import torch
from torch import Tensor
from torchvision.transforms import v2

from hpa_lit.errors import InputError


def partners(target: Tensor) -> Tensor:
    """The targets (N, K) of what images were mixed with: the one before, and of the first the last."""
    return target.roll(1, 0)


class Mixing:
    """Mixes each image of a batch with the one before it, of which training batches are shuffled.

    Args:
        alpha: The share of an image in what becomes of it is drawn from Beta(alpha, alpha), one for the batch: far
            below 1 images stay nearly whole or become their partners, at 1 any share is as likely, above it halves are.

    Raises:
        InputError: Alpha is not above 0.
    """

    transform: type[v2.MixUp] | type[v2.CutMix]

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise InputError(f"mixing.alpha={alpha}: give a number above 0, such as 0.4")
        self.mix = self.transform(alpha=alpha)

    def __call__(self, images: Tensor, seed: int) -> tuple[Tensor, float]:
        """Mix images, those of one rank.

        Args:
            images: Shape (N, C, H, W) uint8.
            seed: Decides what is drawn, the same on every rank.

        Returns:
            As many images in uint8, and the share of each in what became of it, 0..1.

        Raises:
            InputError: They are bags of images.
        """
        if images.ndim != 4:
            raise InputError("mixing is of single images, and these are bags of cells: leave out mixing or data.bag")
        # Only here: what the network draws in this step, such as dropout, stays what it is.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            # The share is drawn inside; what becomes of the identity says it.
            mixed, shares = self.mix(self.given(images), torch.eye(len(images)))
        return self.taken(mixed), shares[0, 0].item()

    def given(self, images: Tensor) -> Tensor:
        """Images as torchvision is to see them."""
        return images

    def taken(self, mixed: Tensor) -> Tensor:
        """What it made of them, as networks are to see it."""
        return mixed


class MixUp(Mixing):
    """Weighted means of two images (Zhang et al. 2018, arXiv:1710.09412), rounded to whole grey levels."""

    transform = v2.MixUp

    def given(self, images: Tensor) -> Tensor:
        """In floating point: a share of uint8 is 0."""
        return images.float()

    def taken(self, mixed: Tensor) -> Tensor:
        """In uint8, all that networks of others take."""
        return mixed.round_().to(torch.uint8)


class CutMix(Mixing):
    """A rectangle of another image in each (Yun et al. 2019, arXiv:1905.04899); the share is the area around it."""

    transform = v2.CutMix
