"""Training a classifier (method 6)."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchmetrics.functional.classification import multilabel_accuracy, multilabel_f1_score

from hpa_lit.data.dataset import LabelledBatch, draw_of
from hpa_lit.losses import focal_loss
from hpa_lit.results.deciding import decide
from hpa_lit.tasks.gather import gather_batch
from hpa_lit.tasks.mixing import partners
from hpa_lit.tasks.training import TrainingTask

MIXING = 1  # the purpose of its draws, see `draw_of`


class ClassifyTask(TrainingTask):
    """Many labels an image; the loss sees the global batch, the metrics the whole validation set.

    Logs train/loss and train/accuracy an epoch, valid/loss, valid/accuracy, valid/focal, valid/macro_f1
    and valid/macro_f1_all. A checkpoint holds how its probabilities become answers, under "decision", fitted to the
    validation images, where they are 20 or more (method 10.1).

    Args:
        shared: See `TrainingTask`.
        mixing: What mixes training images, see `tasks.mixing.Mixing`; train/accuracy is then against the labels of one
            of the two that are in each, and lower than the network is good.
        named: See `TrainingTask`.
    """

    learns, mixes = "labels", True
    logged = (
        *("train/loss", "train/accuracy", "valid/loss", "valid/accuracy", "valid/focal"),
        *("valid/macro_f1", "valid/macro_f1_all"),
    )

    validated_set: tuple[Tensor, Tensor] | None = None  # logits and targets by the weights as they are, (N, K) each

    def __init__(
        self, *shared: Any, mixing: Callable[[Tensor, int], tuple[Tensor, float]] | None = None, **named: Any
    ) -> None:
        super().__init__(*shared, **named)
        self.mixing = mixing

    def on_fit_start(self) -> None:
        """Take the seed of what is mixed, which is the same on all ranks: a loss of all images has one share."""
        super().on_fit_start()
        self.mixing_seed: int = self.seed if self.mixing is None else self.trainer.strategy.broadcast(self.seed)

    def on_train_epoch_start(self) -> None:
        """Forget what weights that change now said of the validation images."""
        super().on_train_epoch_start()
        self.validated_set = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the decision inside too."""
        super().on_save_checkpoint(checkpoint)
        labels = (self.config or {}).get("labels")
        if labels and self.validated_set is not None and self.trainer.is_global_zero:
            logits, target = self.validated_set
            decision = decide(labels, logits.sigmoid().cpu().numpy(), target.cpu().numpy())
            checkpoint["decision"] = None if decision is None else decision.to_plain()

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        """Loss of the global batch, the same on every rank."""
        share = 1.0
        if self.mixing is not None:
            images, share = self.mixing(
                batch["image"], draw_of(self.mixing_seed, self.current_epoch, batch_idx, MIXING)
            )
            batch = {**batch, "image": images}
        logits = gather_batch(self, self.scores(batch))
        target = gather_batch(self, batch["target"])
        loss: Tensor = self.loss(logits, target)
        if self.mixing is not None:
            loss = share * loss + (1 - share) * self.loss(logits, gather_batch(self, partners(batch["target"])))
        accuracy = ((logits.detach() > 0) == (target > 0)).float().mean()
        self.log_loss(loss, len(target))
        self.log("train/accuracy", accuracy, on_step=False, on_epoch=True, batch_size=len(target))
        return loss

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Keep the logits: focal loss and F1 of a set are no means over its batches."""
        self.keep(batch, self.scores(batch).float(), batch["target"])

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole set, at a threshold of 0.5."""
        logits, target = self.validated_rows()
        self.validated_set = logits, target
        for name, value in classification_metrics(logits, target).items():
            self.log(name, value, prog_bar=name in ("valid/focal", "valid/macro_f1"))
        self.log("valid/loss", self.loss(logits, target))


def classification_metrics(logits: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Focal loss, accuracy over all cells and macro F1 at 0.5 (method 12).

    Args:
        logits: Shape (N, K).
        target: Shape (N, K), 0 or 1.

    Returns:
        A scalar for each of valid/focal, valid/accuracy, valid/macro_f1 over the labels that some image has (0 where
        no image has any), and valid/macro_f1_all over all, as the competition scores: a label with neither truth nor
        prediction has an F1 of 0 there.
    """
    probability, labels = logits.sigmoid(), logits.shape[1]
    f1, present = multilabel_f1_score(probability, target, labels, average="none"), target.any(dim=0)
    return {
        "valid/focal": focal_loss(logits, target),
        "valid/accuracy": multilabel_accuracy(probability, target, labels, average="micro"),
        "valid/macro_f1": (f1 * present).sum() / present.sum().clamp(min=1),
        "valid/macro_f1_all": f1.mean(),
    }
