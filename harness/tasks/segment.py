"""Segmentation: a class for each pixel, by cross-entropy."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from harness.recipe import Facts, Task
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Segment(Task):
    """Logits (batch, classes, height, width) against the class of each pixel."""

    headline = "mean_iou"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are the classes of pixels."""
        if facts.targets != "pixels":
            do = "use a dataset of masks, or another task"
            raise UserError("targets", got=facts.targets, allowed="pixels", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return logits (batch, classes, height, width)."""
        logits: Tensor = network(batch[0])
        return logits

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean cross-entropy of a pixel, in nats."""
        del training
        return cross_entropy(output, batch[1].long())

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return the intersection over union, the mean over classes, and pixels' accuracy."""
        classes = facts.outputs
        return {
            "mean_iou": MulticlassJaccardIndex(classes, average="macro", validate_args=False),
            "pixel_accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
        }
