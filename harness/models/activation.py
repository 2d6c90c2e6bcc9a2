"""Activations: the element-wise nonlinearities a model's settings can name."""

from typing import Literal

from torch import nn

Activation = Literal["relu", "gelu", "silu", "tanh", "sigmoid", "identity"]
"""`identity` makes a deep linear network: the control that has layers but no nonlinearity."""

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}
