"""Positions: what a transformer adds to its tokens so that their order counts."""

import math

import torch
from torch import Tensor, nn

SLOWEST = 10_000.0
"""Vaswani et al. 2017, §3.5: the wavelengths go from 2π to 2π·10,000."""


class Sinusoids(nn.Module):
    """√width·x + sine and cosine of the place at width/2 speeds (Vaswani 2017, §3.4 and §3.5).

    Coordinates 2i and 2i + 1 of place t are the sine and the cosine of t·SLOWEST^(−2i/width). The
    factor √width makes token embeddings of the same order. It has no parameters.
    """

    table: Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        speed = SLOWEST ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angle = torch.arange(length, dtype=torch.float64)[:, None] * speed
        both = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]
        self.register_buffer("table", both.float(), persistent=False)
        self.scale = math.sqrt(width)

    def forward(self, embedded: Tensor, first: int = 0) -> Tensor:
        """Map (batch, time, width), whose first place is `first`, to the same shape."""
        return self.scale * embedded + self.table[first : first + embedded.shape[1]]


class LearnedPlaces(nn.Embedding):
    """x + a learned vector for each place (Gehring 2017, arXiv:1705.03122, §3.1)."""

    def forward(self, embedded: Tensor, first: int = 0) -> Tensor:
        """Map (batch, time, width), whose first place is `first`, to the same shape."""
        places = torch.arange(first, first + embedded.shape[1], device=embedded.device)
        return embedded + super().forward(places)
