"""Detection: a box and a class for each object, by centre points."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, logsigmoid
from torchmetrics import Metric

from harness.models.centre_point import STRIDE
from harness.recipe import Facts, Task
from harness.settings import UserError
from harness.tasks.average_precision import MeanAveragePrecision

SPREAD = 0.54 / 6
"""Deviation of a centre's bump in sizes of its box (Liu 2019, arXiv:1909.00700, §3.2)."""
SIZES = 0.1
"""Weight of the loss of sizes (Zhou 2019, §3)."""


@dataclass(frozen=True, kw_only=True)
class Detect(Task):
    """Maps of centres and boxes, CentrePoint's output, against boxes (batch, n, 5).

    The loss is that of Zhou 2019 (arXiv:1904.07850, eq. 1 to 4): a focal loss of centres, whose
    neighbours count less the nearer they are, and the absolute error of size and offset at true
    centres. It is divided by the number of objects of each image, not of the batch, so that it is
    a mean over examples.
    """

    headline = "map_50"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are boxes."""
        if facts.targets != "boxes":
            do = "use a dataset of boxes, or another task"
            raise UserError("targets", got=facts.targets, allowed="boxes", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return the maps (batch, classes + 4, height/4, width/4)."""
        maps: Tensor = network(batch[0])
        return maps

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean over images of the loss an object."""
        del training
        boxes = batch[-1].to(output)
        present = boxes[..., 0] > 0
        centre, size = _centres(boxes)
        number = present.sum(dim=1).clamp_min(1)
        centres = _focal(output[:, :-4], _bumps(boxes, output))
        columns = output.shape[-1]
        cell = (centre.floor()[..., 1] * columns + centre.floor()[..., 0]).long()
        index = cell[:, None].expand(-1, 4, -1)
        found = output[:, -4:].flatten(2).gather(2, index).transpose(1, 2)
        true = torch.cat([SIZES * size, centre - centre.floor()], dim=-1)
        weighed = torch.cat([SIZES * found[..., :2], found[..., 2:]], dim=-1)
        boxed = (l1_loss(weighed, true, reduction="none").sum(dim=-1) * present).sum(dim=1)
        return ((centres + boxed) / number).mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return the mean average precision at an overlap of ½, and over .5, .55 … .95."""
        del facts
        many = tuple(0.5 + 0.05 * step for step in range(10))
        return {"map_50": MeanAveragePrecision((0.5,)), "map": MeanAveragePrecision(many)}


def _centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return centres (x, y) and sizes (width, height) of boxes (batch, n, 5), in cells."""
    low, high = boxes[..., 1:3] / STRIDE, boxes[..., 3:5] / STRIDE
    return (low + high) / 2, high - low


def _bumps(boxes: Tensor, output: Tensor) -> Tensor:
    """Return (batch, classes, height, width): 1 at each true centre's cell, less around it."""
    classes, height, width = output.shape[1] - 4, *output.shape[2:]
    centre, size = _centres(boxes)
    spread = (SPREAD * size).clamp_min(1e-3)
    offsets = [
        torch.arange(cells, device=output.device) - centre.floor()[..., axis, None]
        for axis, cells in ((0, width), (1, height))
    ]
    across, down = (
        (-0.5 * (offset / spread[..., axis, None]) ** 2).exp()
        for axis, offset in enumerate(offsets)
    )
    numbers = torch.arange(1, classes + 1, device=output.device)
    named = (boxes[..., 0, None] == numbers).to(output)[..., None, None]
    return (named * (down[..., :, None] * across[..., None, :])[:, :, None]).amax(dim=1)


def _focal(logits: Tensor, bumps: Tensor) -> Tensor:
    """Return each image's focal loss with α = 2 and β = 4 (Zhou 2019, eq. 1), not yet divided."""
    chance = logits.sigmoid()
    at_centre = (1 - chance) ** 2 * logsigmoid(logits)
    elsewhere = (1 - bumps) ** 4 * chance**2 * logsigmoid(-logits)
    return -torch.where(bumps == 1, at_centre, elsewhere).flatten(1).sum(dim=1)
