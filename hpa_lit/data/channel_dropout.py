"""Channel dropout that spares the protein."""

from typing import Any

import albumentations

from hpa_lit.files.rgby import COLORS, PROTEIN, Pixels


class ChannelDropout(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """Blacken one channel, as a failed or absent stain does, but never the protein's, which the labels speak of.

    A transform of Albumentations for images (H, W, C) whose channels are the first C of `COLORS`.

    Args:
        p: Probability of doing so.
    """

    def apply(self, img: Pixels, channel: int, **params: Any) -> Pixels:
        """The image with the channel that was drawn at zero."""
        dropped = img.copy()
        dropped[:, :, channel] = 0
        return dropped

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, int]:
        """Draw the channel."""
        channels = [channel for channel in range(data["image"].shape[2]) if COLORS[channel] != PROTEIN]
        return {"channel": self.py_random.choice(channels)}
