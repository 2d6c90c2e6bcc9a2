"""CNN: stages of 3×3 convolutions, plain or residual, that halve the image and double channels."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from harness.models.activation import ACTIVATIONS, Activation
from harness.models.image import require_image
from harness.models.initialise import INITS, Init, initialise
from harness.recipe import Facts, Model
from harness.settings import require_choice, require_range, require_whole

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(math.gcd(8, channels), channels),
}
POOLINGS: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class ResidualBlock(nn.Module):
    """activation(body(x) + shortcut(x)) (He 2015, arXiv:1512.03385, Fig. 2 and eq. 2)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the shape that body and shortcut give."""
        result: Tensor = self.activation(self.body(images) + self.shortcut(images))
        return result


@dataclass(frozen=True, kw_only=True)
class CNN(Model):
    """Settings of a CNN: (batch, channels, height, width) to (batch, outputs).

    `blocks` blocks in each of `stages` stages, then global average pooling and a Linear head.
    Stage s = 1, 2, … has width·2^(s−1) channels, and from the second on begins by halving the
    image, with 2×2 `max` or `average` pooling or with `stride` 2 in its first convolution. A block
    ends with dropout, and is, by `connection`,

    - `plain`: 3×3 convolution → norm → activation; stages·blocks + 1 weight layers in all
    - `residual`: two 3×3 convolutions beside a shortcut, added before the last activation; the
      shortcut is a 1×1 convolution where the shape changes (He 2015, arXiv:1512.03385, option B);
      2·stages·blocks + 1 weight layers on the longest path

    A convolution that a norm follows has no bias (Ioffe & Szegedy 2015, §3.2). Group norm (Wu & He
    2018, arXiv:1803.08494) has no statistics that training gathers; its groups are the
    largest common divisor of 8 and the channels.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    a side is below 2^(stages−1) pixels.
    """

    stages: int = 2
    blocks: int = 1
    width: int = 16
    pooling: Literal["max", "average", "stride"] = "max"
    connection: Literal["plain", "residual"] = "plain"
    norm: Literal["none", "batch", "group"] = "none"
    dropout: float = 0.0
    activation: Activation = "relu"
    init: Init = "torch"

    def __post_init__(self) -> None:
        for what in ("stages", "blocks", "width"):
            require_whole(what, getattr(self, what))
        require_choice("pooling", self.pooling, (*POOLINGS, "stride"))
        require_choice("connection", self.connection, ("plain", "residual"))
        require_choice("norm", self.norm, ("none", *NORMS))
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("activation", self.activation, ACTIVATIONS)
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called stage_1 … stage_<stages>, pool, flatten, head.

        Raises UserError if `facts.inputs` is no image or too small to be halved stages − 1 times.
        """
        smallest = 2 ** (self.stages - 1)
        channels, _, _ = require_image(facts.inputs, smallest=smallest, do="use fewer stages")
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for stage in range(self.stages):
            after = self.width * 2**stage
            parts[f"stage_{stage + 1}"] = self._stage(channels, after, halve=stage > 0)
            channels = after
        parts["pool"] = nn.AdaptiveAvgPool2d(1)
        parts["flatten"] = nn.Flatten()
        parts["head"] = nn.Linear(channels, facts.outputs)
        network = nn.Sequential(parts)
        initialise(network, self.init)
        return network

    def _stage(self, before: int, after: int, *, halve: bool) -> nn.Module:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if halve and self.pooling != "stride":
            parts["halve"] = POOLINGS[self.pooling](2)
        stride = 2 if halve and self.pooling == "stride" else 1
        for block in range(1, self.blocks + 1):
            parts[f"block_{block}"] = self._block(before, after, stride)
            before, stride = after, 1
        return nn.Sequential(parts)

    def _block(self, before: int, after: int, stride: int) -> nn.Module:
        block = self._convolution(before, after, 3, stride)
        activation = ACTIVATIONS[self.activation]
        block.append(activation())
        if self.connection == "residual":
            block.extend(self._convolution(after, after, 3, 1))
            same = before == after and stride == 1
            shortcut = nn.Identity() if same else self._convolution(before, after, 1, stride)
            block = nn.Sequential(ResidualBlock(block, shortcut, activation()))
        if self.dropout:
            block.append(nn.Dropout(self.dropout))
        return block

    def _convolution(self, before: int, after: int, size: int, stride: int) -> nn.Sequential:
        plain = self.norm == "none"
        convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=plain)
        return nn.Sequential(convolution, *([] if plain else [NORMS[self.norm](after)]))
