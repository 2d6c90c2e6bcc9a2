"""Classification: one class an example, by cross-entropy."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from harness.recipe import Facts, Task
from harness.settings import UserError, require_range


@dataclass(frozen=True, kw_only=True)
class Classify(Task):
    """Logits (batch, classes) against class indices (batch,).

    `label_smoothing` spreads that share of the target over all classes, in training only
    (Szegedy et al. 2016, section 7).
    """

    label_smoothing: float = 0.0
    headline = "accuracy"

    def __post_init__(self) -> None:
        require_range("label_smoothing", self.label_smoothing, low=0, high=0.999999)

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are classes."""
        if facts.targets != "classes":
            do = "use Regress, or other data"
            raise UserError("targets", got=facts.targets, allowed="classes", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        logits: Tensor = network(batch[0])
        return logits

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean cross-entropy in nats; smoothed when training."""
        smoothing = self.label_smoothing if training else 0.0
        return cross_entropy(output, batch[1], label_smoothing=smoothing)

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return accuracy, and precision, recall, F1 and AUROC averaged over classes."""
        classes = facts.outputs
        return {
            "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
            "precision": MulticlassPrecision(classes, average="macro", validate_args=False),
            "recall": MulticlassRecall(classes, average="macro", validate_args=False),
            "f1": MulticlassF1Score(classes, average="macro", validate_args=False),
            "auroc": MulticlassAUROC(classes, average="macro", validate_args=False),
        }
