"""Gradients: how large the loss's gradient is in each weight layer, at moments of a training."""

import math
import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from harness.anatomy.parameters import owned

PREFIX = "gradient/"
UNNAMEABLE = re.compile(r"[^\w\-. ]")
"""What the name of a metric may not hold, and a module's may."""


def is_due(epoch: int) -> bool:
    """Return whether gradients are measured in the first step of an epoch: 0, 1, 2, 4, 8, …"""
    return epoch & (epoch - 1) == 0


def weight_layers(network: nn.Module) -> dict[str, str]:
    """Return the metric of each parameter whose layer holds a tensor of two dimensions or more.

    "gradient/02 blocks.1.linear" is that of both its weight and its bias. Layers are numbered as
    they were registered, so that their names sort in the order of the network. Norms have none:
    they would be as many curves again, and what they pass on is seen in the next layer.
    """
    tensors = owned(network)
    layers = dict.fromkeys(each.layer for each in tensors if each.parameter.dim() > 1)
    digits = len(str(len(layers)))
    metrics = {
        layer: f"{PREFIX}{number:0{digits}} {UNNAMEABLE.sub('_', layer) or 'network'}"
        for number, layer in enumerate(layers, start=1)
    }
    return {
        name: metrics[each.layer]
        for each in tensors
        if each.layer in metrics
        for name in each.names
    }


class LayerNorms:
    """Measures how large the gradient of each weight layer of a network is."""

    def __init__(self, network: nn.Module) -> None:
        metrics = weight_layers(network)
        given = network.named_parameters()
        self._tensors = [(metrics[name], each) for name, each in given if name in metrics]

    def measure(self) -> dict[str, float]:
        """Return the Euclidean norm of each layer's gradient by its metric, where there is one."""
        there = [(metric, each.grad) for metric, each in self._tensors if each.grad is not None]
        if not there:
            return {}
        # In 64 bits: the square of 1e-20 is no 32-bit number.
        found = torch._foreach_norm([gradient for _, gradient in there], 2.0, torch.float64)
        squares = torch.stack(found).square().tolist()
        return _roots(zip((metric for metric, _ in there), squares, strict=True))


def row_norms(
    gradients: Iterable[tuple[str, Tensor]], metrics: Mapping[str, str]
) -> list[dict[str, float]]:
    """Return the same for each of several models of one shape.

    `gradients` are pairs of a parameter's name and its gradient in all models, (models, …);
    `metrics` is what `weight_layers` returns.
    """
    known = [(metrics[name], each) for name, each in gradients if name in metrics]
    if not known:
        return []
    norms = [
        torch.linalg.vector_norm(each.reshape(len(each), -1), dim=1, dtype=torch.float64)
        for _, each in known
    ]
    names = [metric for metric, _ in known]
    rows = torch.stack(norms, 1).square().tolist()
    return [_roots(zip(names, row, strict=True)) for row in rows]


def _roots(squares: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for metric, square in squares:
        sums[metric] = sums.get(metric, 0.0) + square
    return {metric: math.sqrt(square) for metric, square in sums.items()}
