"""Feed-forward: the two-layer network that a transformer applies to every place by itself."""

import math
from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

FeedForward = Literal["gelu", "relu", "swiglu"]


class SwiGLU(nn.Module):
    """down(silu(gate(x)) · up(x)) (Shazeer 2020, arXiv:2002.05202); gate and up are one Linear."""

    def __init__(self, width: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (…, width) to the same shape."""
        gate, value = self.up(hidden).chunk(2, dim=-1)
        result: Tensor = self.down(F.silu(gate) * value)
        return result


def feed_forward_width(kind: FeedForward, width: int) -> int:
    """Return 4·width (Vaswani 2017), or ⌈8/3·width⌉ for SwiGLU: the same number of weights."""
    return math.ceil(8 * width / 3) if kind == "swiglu" else 4 * width


def feed_forward(kind: FeedForward, width: int, hidden: int, *, bias: bool = True) -> nn.Module:
    """Return the network; its layer back to `width` is called down."""
    if kind == "swiglu":
        return SwiGLU(width, hidden, bias=bias)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["up"] = nn.Linear(width, hidden, bias=bias)
    parts["activation"] = nn.GELU() if kind == "gelu" else nn.ReLU()
    parts["down"] = nn.Linear(hidden, width, bias=bias)
    return nn.Sequential(parts)
