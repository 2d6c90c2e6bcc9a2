"""Contrast: each image nearer to its own text than to the others of the batch, and the reverse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from harness.recipe import Facts, Purpose, Task
from harness.settings import UserError


class ZeroShotAccuracy(Metric):
    """Share of images whose own text is the nearest of those that the split has.

    Where no training image had one of them, as in the test part of ItemPairs, that is zero-shot
    classification (Radford 2021, §3.1).
    """

    higher_is_better = True
    full_state_update = False
    output: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("output", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add similarities (batch, texts) and the number of each image's own (batch,)."""
        self.output.append(output)
        self.targets.append(targets)

    def compute(self) -> Tensor:
        """Return it, from 0 to 1."""
        output, targets = torch.cat(list(self.output)), torch.cat(list(self.targets))
        there = torch.zeros(output.shape[1], dtype=torch.bool).index_fill(0, targets.cpu(), True)
        nearest = output.masked_fill(~there.to(output.device), -torch.inf).argmax(dim=1)
        return (nearest == targets).double().mean()


@dataclass(frozen=True, kw_only=True)
class Contrast(Task):
    """Similarities (batch, texts) against the number of each image's text (batch,).

    The loss is InfoNCE among the pairs of a batch in both directions (Oord 2018, arXiv:1807.03748;
    Radford 2021); images of one text are all its own, and share its weight (Yang 2022,
    arXiv:2204.03610, eq. 2 to 4). It depends on which examples share a batch, so that a batch in
    several parts is another objective.
    """

    purpose: ClassVar[Purpose] = "match"
    separable: ClassVar[bool] = False
    headline = "zero_shot_accuracy"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are classes that have labels."""
        if facts.targets != "classes":
            do = "use image data with labels, or another task"
            raise UserError("targets", got=facts.targets, allowed="classes", do=do)
        if not facts.labels:
            do = "use data with labels, such as ItemPairs"
            raise UserError("labels", got=facts.labels, allowed="one for each class", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return similarities (batch, texts), divided by the temperature."""
        similarities: Tensor = network(batch[0])
        return similarities

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean over images and texts of the loss, in nats, halved."""
        del training
        targets = batch[1]
        pairs = output[:, targets]
        own = (targets[:, None] == targets).to(output)
        own = own / own.sum(dim=1, keepdim=True)
        losses = [-(own * each.log_softmax(dim=1)).sum(dim=1).mean() for each in (pairs, pairs.T)]
        return (losses[0] + losses[1]) / 2

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return zero-shot accuracy, and recall of the own text among the nearest of all."""

        def recall(nearest: int) -> Metric:
            return MulticlassAccuracy(
                facts.outputs, top_k=nearest, average="micro", validate_args=False
            )

        return {
            "zero_shot_accuracy": ZeroShotAccuracy(),
            "recall_at_1": recall(1),
            "recall_at_5": recall(min(5, facts.outputs)),
        }
