"""MLP: a multilayer perceptron of equal hidden layers, plain or residual."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from torch import nn

from harness.models.activation import ACTIVATIONS, Activation
from harness.models.connection import ReZero, ScaledResidual
from harness.models.initialise import INITS, Init, initialise
from harness.recipe import Facts, Model
from harness.settings import require_choice, require_range, require_whole

NORMS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


@dataclass(frozen=True, kw_only=True)
class MLP(Model):
    """Settings of an MLP: (batch, *inputs), flattened, to (batch, outputs).

    `depth` counts HIDDEN layers: with the head there are depth + 1 weight layers, and depth 0 is
    linear (softmax) regression. A hidden layer is f = Linear → norm → activation → dropout. The
    first maps the inputs to `width`; the others map width to width and are joined by `connection`:

    - `plain`: f(h)
    - `residual`: h + f(h)/depth (He 2015, arXiv:1512.03385; the branch scaled by 1/depth)
    - `rezero`: h + alpha·f(h), alpha a trained scalar that starts at 0 (Bachlechner 2020)

    A Linear that batch norm follows has no bias, as the norm would subtract it again (Ioffe &
    Szegedy 2015, §3.2). With i inputs, o outputs, width w, depth d ≥ 1 and no norm there are
    (i·w + w) + (d − 1)·(w² + w) + (w·o + o) parameters, and d − 1 more with `rezero`.

    Raises UserError if a setting is out of its range.
    """

    depth: int = 2
    width: int = 64
    activation: Activation = "relu"
    norm: Literal["none", "batch", "layer"] = "none"
    dropout: float = 0.0
    connection: Literal["plain", "residual", "rezero"] = "plain"
    init: Init = "torch"

    def __post_init__(self) -> None:
        require_whole("depth", self.depth, low=0)
        require_whole("width", self.width)
        require_choice("activation", self.activation, ACTIVATIONS)
        require_choice("norm", self.norm, ("none", *NORMS))
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("connection", self.connection, ("plain", "residual", "rezero"))
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> nn.Module:
        """Return the network; its parts are called flatten, hidden_1 … hidden_<depth>, head."""
        size = math.prod(facts.inputs)
        parts: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for index in range(1, self.depth + 1):
            layer = self._layer(size)
            parts[f"hidden_{index}"] = layer if index == 1 else self._connect(layer)
            size = self.width
        parts["head"] = nn.Linear(size, facts.outputs)
        network = nn.Sequential(parts)
        initialise(network, self.init)
        return network

    def _layer(self, size: int) -> nn.Module:
        linear = nn.Linear(size, self.width, bias=self.norm != "batch")
        parts: OrderedDict[str, nn.Module] = OrderedDict(linear=linear)
        if self.norm != "none":
            parts["norm"] = NORMS[self.norm](self.width)
        parts["activation"] = ACTIVATIONS[self.activation]()
        if self.dropout:
            parts["dropout"] = nn.Dropout(self.dropout)
        return nn.Sequential(parts)

    def _connect(self, layer: nn.Module) -> nn.Module:
        if self.connection == "residual":
            return ScaledResidual(layer, scale=1 / self.depth)
        return ReZero(layer) if self.connection == "rezero" else layer
