"""A trained model in a Python program: ``model = hpa_lit.load_model("outputs/train/x/fold0")``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from hpa_lit.files.tree import OutputTree
from hpa_lit.inference.finding import find_model
from hpa_lit.inference.model import Epoch, Model
from hpa_lit.results.decision import Decision


class LoadedModel:
    """A trained network in memory, and what is known of it.

    Args:
        model: Which network.

    Attributes:
        model: Where it is from, and how it saw images.
        net: From images (N, C, H, W) uint8 to scores (N, K), in evaluation mode.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.net: nn.Module = model.load().eval()

    @property
    def labels(self) -> tuple[str, ...]:
        """The K label names; none of an embedder."""
        return self.model.labels

    @property
    def decision(self) -> Decision | None:
        """How its probabilities become answers; None where it does not know."""
        return self.model.decision


def load_model(
    source: Path | str,
    *,
    epoch: Epoch = "best",
    arch: str | None = None,
    data: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> LoadedModel:
    """Load a trained model.

    Args:
        source: The folder of a training run, or a checkpoint: a run's, or one of the reference's.
        epoch: Of a run: "best", "last", or the number of an epoch, counted from 1.
        arch: Of a checkpoint of the reference, which does not say its network: a name such as "densenet121_large".
        data: Likewise how it saw images: image_size, crop_size, and label_list where the labels are not the 28
            locations.
        trust: Whether to run the code of a network that is not ours.

    Raises:
        InputError: There is no such model, or it does not say all by itself.
    """
    source = Path(source)
    run, checkpoint = (source, None) if source.is_dir() else (None, source)
    network = None if arch is None else {"arch": arch}
    seen = None if data is None else {"crop_size": None, "bits": "auto", **data}
    model, _ = find_model(OutputTree(Path()), run, epoch, checkpoint, network, seen, trust=trust)
    return LoadedModel(model)
