"""UNet: a class for every pixel, from features that shrink and grow with shortcuts between."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness.models.image import require_image
from harness.models.initialise import initialise
from harness.recipe import Facts, Model, Targets
from harness.settings import UserError, require_range, require_whole


class Trunk(nn.Module):
    """Two convolutions at each of several scales, down by pooling and up again beside shortcuts."""

    def __init__(self, channels: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(depth + 1)]
        pairs = zip([channels, *widths[:-1]], widths, strict=True)
        self.down = nn.ModuleList(twice(before, after) for before, after in pairs)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        rising = list(reversed(widths))
        steps = list(pairwise(rising))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in steps)
        self.up = nn.ModuleList(twice(2 * after, after) for _, after in steps)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, width, height, width)."""
        kept: list[Tensor] = []
        for scale, block in enumerate(self.down):
            images = block(self.pool(images) if scale else images)
            kept.append(images)
        hidden: Tensor = self.dropout(kept.pop())
        for grow, block in zip(self.grow, self.up, strict=True):
            hidden = block(torch.cat([kept.pop(), grow(hidden)], dim=1))
        return hidden


def twice(before: int, after: int) -> nn.Sequential:
    """Return two 3×3 convolutions, each with batch norm and ReLU."""
    layers: Sequence[nn.Module] = [
        layer
        for size in (before, after)
        for layer in (
            nn.Conv2d(size, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )
    ]
    return nn.Sequential(*layers)


@dataclass(frozen=True, kw_only=True)
class UNet(Model):
    """Settings of a U-Net (Ronneberger 2015, arXiv:1505.04597), with padding and batch norm.

    Maps (batch, channels, height, width) to logits (batch, classes, height, width). `depth` is how
    often the image is halved, each time with twice the channels, of which there are `width` at
    first; on the way up, features of the way down are put beside those that have grown. The paper's
    is depth=4, width=64. Dropout is at the smallest scale.

    With c channels, width w, depth L and o classes there are
    9·w·(c + w) + 4·w + 89/3·w²·(4^L − 1) + 13·w·(2^L − 1) + (w + 1)·o parameters.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    their sides no multiples of 2^depth.
    """

    answers: ClassVar[frozenset[Targets]] = frozenset(("pixels",))

    depth: int = 3
    width: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called trunk.down.0 …, trunk.up.0 …, head."""
        channels, *sides = require_image(facts.inputs, smallest=2**self.depth, do="lower depth")
        if any(side % 2**self.depth for side in sides):
            allowed = f"sides that can be halved {self.depth} times"
            raise UserError("image size", got=tuple(sides), allowed=allowed, do="lower depth")
        network = nn.Sequential()
        network.add_module("trunk", Trunk(channels, self.width, self.depth, self.dropout))
        network.add_module("head", nn.Conv2d(self.width, facts.outputs, 1))
        initialise(network, "he")
        return network
