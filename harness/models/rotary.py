"""Rotary positions: queries and keys turned by an angle that grows with their place."""

import torch
from torch import Tensor, nn

BASE = 10_000.0
"""Su et al. 2021, arXiv:2104.09864, eq. 15."""


class Rotary(nn.Module):
    """Turns pair i of a head's coordinates at place t by the angle t·BASE^(−2i/size).

    The score of a query and a key then depends on their distance alone (Su et al. 2021,
    arXiv:2104.09864). Pairs are (i, i + size/2); `size` must be even. It has no parameters.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, length: int, size: int) -> None:
        super().__init__()
        assert size % 2 == 0
        speed = BASE ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angle = torch.arange(length, dtype=torch.float64)[:, None] * speed
        self.register_buffer("cosine", angle.cos().float(), persistent=False)
        self.register_buffer("sine", angle.sin().float(), persistent=False)

    def forward(self, heads: Tensor, first: int = 0) -> Tensor:
        """Turn (batch, heads, time, size), whose first place is `first`; same shape."""
        places = slice(first, first + heads.shape[2])
        cosine, sine = self.cosine[places], self.sine[places]
        left, right = heads.chunk(2, dim=-1)
        return torch.cat([left * cosine - right * sine, right * cosine + left * sine], dim=-1)
