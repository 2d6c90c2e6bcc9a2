"""Connections: how a layer of equal input and output shape is joined to what it receives."""

import torch
from torch import Tensor, nn


class ScaledResidual(nn.Module):
    """h + scale·f(h): the identity plus a branch of fixed scale (He 2015, arXiv:1512.03385).

    With scale 1/L over L layers the branches' sum stays of order one at any depth.
    """

    def __init__(self, body: nn.Module, scale: float) -> None:
        super().__init__()
        self.body = body
        self.scale = scale

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, width) to (batch, width)."""
        branch: Tensor = self.body(hidden)
        return hidden + self.scale * branch


class ReZero(nn.Module):
    """h + alpha·f(h), alpha a trained scalar that starts at 0 (Bachlechner 2020, arXiv:2003.04887).

    At the start it is the identity: alpha gets a gradient, the branch's weights get exactly 0.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, width) to (batch, width)."""
        branch: Tensor = self.body(hidden)
        return hidden + self.alpha * branch
