"""LeNet5: two convolutions and three dense layers, with today's ReLU and max pooling."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from torch import nn

from harness.models.activation import ACTIVATIONS, Activation
from harness.models.cnn import POOLINGS
from harness.models.image import require_image
from harness.models.initialise import INITS, Init, initialise
from harness.recipe import Facts, Model
from harness.settings import require_choice, require_range, require_whole

PAPER = 32
"""Sides of the paper's images: digits of 28×28 with a border of 2 (LeCun 1998, §II.B)."""


@dataclass(frozen=True, kw_only=True)
class LeNet5(Model):
    """Settings of LeNet-5 (LeCun 1998): (batch, channels, height, width) to (batch, outputs).

    Conv 5×5 – pool – conv 5×5 – pool – dense – dense – dense, with w = `width`, ⌈8·w/3⌉, 20·w, 14·w
    and `outputs` units: 6, 16, 120, 84, 10 in the paper. Images below 32 pixels get a border of 2.
    The paper's has tanh, trainable subsampling and a partly connected second convolution; this is
    what is called LeNet-5 today, with 61,706 parameters on 1×28×28 images of 10 classes. Dropout is
    before each dense layer but the first.

    With i channels, u = ⌈8·w/3⌉, o outputs and maps of p pixels before the dense layers there are
    25·i·w + w + 25·w·u + u + 20·w·(p·u + 1) + 14·w·(20·w + 1) + o·(14·w + 1) parameters.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or a
    side is below 12 pixels.
    """

    width: int = 6
    activation: Activation = "relu"
    pooling: Literal["max", "average"] = "max"
    dropout: float = 0.0
    init: Init = "torch"

    def __post_init__(self) -> None:
        require_whole("width", self.width)
        require_choice("activation", self.activation, ACTIVATIONS)
        require_choice("pooling", self.pooling, POOLINGS)
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called stage_1 … stage_4 (a weight layer each), head.

        Raises UserError if `facts.inputs` is no image or too small.
        """
        channels, height, width = require_image(facts.inputs, smallest=12, do="use a CNN")
        border = 2 if min(height, width) < PAPER else 0
        second = -(-8 * self.width // 3)
        features = second * _pooled_twice(height + 2 * border) * _pooled_twice(width + 2 * border)
        first = nn.Conv2d(channels, self.width, 5, padding=border)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["stage_1"] = self._stage(first, POOLINGS[self.pooling](2))
        parts["stage_2"] = self._stage(nn.Conv2d(self.width, second, 5), POOLINGS[self.pooling](2))
        parts["flatten"] = nn.Flatten()
        parts["stage_3"] = self._stage(nn.Linear(features, 20 * self.width), self._dropout())
        parts["stage_4"] = self._stage(nn.Linear(20 * self.width, 14 * self.width), self._dropout())
        parts["head"] = nn.Linear(14 * self.width, facts.outputs)
        network = nn.Sequential(parts)
        initialise(network, self.init)
        return network

    def _stage(self, layer: nn.Module, after: nn.Module) -> nn.Module:
        return nn.Sequential(layer, ACTIVATIONS[self.activation](), after)

    def _dropout(self) -> nn.Module:
        return nn.Dropout(self.dropout) if self.dropout else nn.Identity()


def _pooled_twice(side: int) -> int:
    return ((side - 4) // 2 - 4) // 2
