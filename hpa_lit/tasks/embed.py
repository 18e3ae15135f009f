"""Training the embedder (method 6 and 12)."""

import torch
from torch import Tensor

from hpa_lit.data.dataset import LabelledBatch
from hpa_lit.tasks.gather import gather_batch
from hpa_lit.tasks.training import TrainingTask


class EmbedTask(TrainingTask):
    """One antibody an image, told apart by cosines.

    Logs train/loss an epoch, and valid/loss, valid/top1, valid/top5 and valid/map5 of the whole validation set.
    """

    learns = "antibodies"
    logged = ("train/loss", "valid/loss", "valid/top1", "valid/top5", "valid/map5")

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        """Loss of the global batch, the same on every rank."""
        cosine = gather_batch(self, self.scores(batch))
        codes = gather_batch(self, batch["target"])
        loss: Tensor = self.loss(cosine, codes)
        self.log_loss(loss, len(codes))
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Keep the hits and losses; the cosines to all antibodies would fill the memory."""
        cosine, codes = self.scores(batch).float(), batch["target"]
        # The loss of an image depends on no other, so that of the set is the mean over its images.
        losses = torch.stack([self.loss(cosine[[row]], codes[[row]]) for row in range(len(codes))])
        self.keep(batch, five_nearest(cosine, codes), losses)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole set."""
        hits, losses = self.validated_rows()
        for name, value in retrieval_metrics(hits).items():
            self.log(name, value, prog_bar=name == "valid/map5")
        self.log("valid/loss", losses.mean())


def five_nearest(cosine: Tensor, codes: Tensor) -> Tensor:
    """Which of the five largest cosines of a row is that to its true class.

    Args:
        cosine: Shape (N, K).
        codes: Shape (N,), the true classes.

    Returns:
        Shape (N, 5), float32 0 or 1; of fewer than five classes the rest is 0.
    """
    nearest = cosine.topk(min(5, cosine.shape[1]), dim=1).indices
    hits = cosine.new_zeros(len(cosine), 5, dtype=torch.float32)
    hits[:, : nearest.shape[1]] = (nearest == codes.unsqueeze(1)).float()
    return hits


def retrieval_metrics(hits: Tensor) -> dict[str, Tensor]:
    """Top-1, top-5 and map5 = sum over ranks 1..5 of hit / rank, averaged over images (method 12).

    Args:
        hits: Shape (N, 5), as `five_nearest` gives them.

    Returns:
        A scalar for each of valid/top1, valid/top5 and valid/map5.
    """
    rank = torch.arange(1, 6, device=hits.device)
    return {
        "valid/top1": hits[:, 0].mean(),
        "valid/top5": hits.sum(dim=1).mean(),
        "valid/map5": (hits / rank).sum(dim=1).mean(),
    }
