"""CentrePoint: objects as points, found where their centres are likely."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness.models.image import require_image
from harness.models.initialise import initialise
from harness.models.unet import twice
from harness.recipe import Facts, Model, Targets
from harness.settings import UserError, require_range, require_whole

STRIDE = 4
"""Pixels of a cell of the map (Zhou 2019, §3)."""
RARE = -2.19
"""The bias with which a centre has a chance of 10 % at the start (Lin 2017, arXiv:1708.02002, §4.1,
with the prior of the authors' code)."""


class CentrePointNetwork(nn.Module):
    """Convolutions down to a quarter of the image, and a head for centres and one for boxes."""

    def __init__(self, channels: int, width: int, depth: int, classes: int, dropout: float) -> None:
        super().__init__()
        widths = [width, 2 * width, *[4 * width] * depth]
        self.blocks = nn.ModuleList(
            twice(before, after) for before, after in pairwise([channels, *widths])
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.ModuleDict(
            {"centres": _head(4 * width, classes), "boxes": _head(4 * width, 4)}
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes + 4, height/4, width/4)."""
        for number, block in enumerate(self.blocks):
            images = block(self.pool(images) if number in (1, 2) else images)
        hidden = self.dropout(images)
        return torch.cat([self.head["centres"](hidden), self.head["boxes"](hidden)], dim=1)


@dataclass(frozen=True, kw_only=True)
class CentrePoint(Model):
    """Settings of a detector by centre points (Zhou 2019, arXiv:1904.07850).

    Maps (batch, channels, height, width) to (batch, classes + 4, height/4, width/4): for each cell
    a logit that an object of a class has its centre there, its width and height in cells, and
    where in the cell the centre is, right and down. Two pairs of 3×3 convolutions with `width` and
    2·width channels, each before a halving, then `depth` pairs with 4·width, then a head of
    its own for centres and for boxes. The paper's backbones are larger.

    With c channels, width w, depth L and o classes there are
    9·c·w + (279 + 288·L)·w² + (36 + 16·L)·w + (4·w + 1)·o + 4 parameters.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    their sides no multiples of 4.
    """

    answers: ClassVar[frozenset[Targets]] = frozenset(("boxes",))

    depth: int = 2
    width: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> CentrePointNetwork:
        """Return the network; its parts are called blocks.0 … blocks.<depth + 1>, head."""
        channels, *sides = require_image(facts.inputs, smallest=STRIDE, do="use larger images")
        if any(side % STRIDE for side in sides):
            allowed = f"multiples of {STRIDE}"
            raise UserError("image size", got=tuple(sides), allowed=allowed, do="pad the images")
        network = CentrePointNetwork(channels, self.width, self.depth, facts.outputs, self.dropout)
        initialise(network, "he")
        nn.init.constant_(network.head.get_parameter("centres.2.bias"), RARE)
        return network


def _head(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, outputs, 1)
    )
