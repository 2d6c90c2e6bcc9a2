"""Block: attention and a feed-forward network, each beside an identity: a transformer's layer."""

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import init as draw

from harness.models.attention import Attention, CrossAttention, Memory

Norm = Literal["layer", "rms"]
NORMS: dict[str, type[nn.Module]] = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}
Placement = Literal["pre", "post"]


class Block(nn.Module):
    """Residual branches: attention, perhaps attention to another sequence, and feed-forward.

    With `pre` a branch is x + dropout(f(norm(x))) (Xiong 2020, arXiv:2002.04745), with `post`
    norm(x + dropout(f(x))) (Vaswani 2017).
    """

    def __init__(
        self,
        width: int,
        attention: Attention,
        feed_forward: nn.Module,
        *,
        norm: Norm = "layer",
        placement: Placement = "pre",
        dropout: float = 0.0,
        cross: CrossAttention | None = None,
    ) -> None:
        super().__init__()
        self.pre = placement == "pre"
        self.attention, self.feed_forward = attention, feed_forward
        self.attention_norm, self.feed_forward_norm = NORMS[norm](width), NORMS[norm](width)
        self.cross, self.cross_norm = cross, NORMS[norm](width) if cross else None
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None = None,
        memory: Memory | None = None,
        source: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map (batch, time, width) to the same shape; `mask` and `memory` as in Attention.

        `source`, for a block that looks at another sequence, is what `read` returned, and the mask
        of CrossAttention.
        """
        hidden = self._beside(
            self.attention_norm, lambda x: self.attention(x, mask, memory), hidden
        )
        if self.cross is not None:
            assert source is not None
            assert self.cross_norm is not None
            cross, (read, seen) = self.cross, source
            hidden = self._beside(self.cross_norm, lambda x: cross(x, read, seen), hidden)
        return self._beside(self.feed_forward_norm, self.feed_forward, hidden)

    def read(self, source: Tensor) -> Tensor:
        """Return what the block needs of another sequence, as `CrossAttention.read` does."""
        assert self.cross is not None
        return self.cross.read(source)

    def _beside(
        self, norm: nn.Module, branch: Callable[[Tensor], Tensor], hidden: Tensor
    ) -> Tensor:
        if self.pre:
            added: Tensor = self.dropout(branch(norm(hidden)))
            return hidden + added
        result: Tensor = norm(hidden + self.dropout(branch(hidden)))
        return result


def initialise_transformer(network: nn.Module, width: int, depth: int) -> None:
    """Redraw all weights from N(0, 2/(5·width)) and zero the biases.

    The spread is SmallInit's (Nguyen & Salazar 2019, arXiv:1910.05895): GPT-2's fixed .02 is its
    value at a width of 1,000. The layers that end a residual branch are divided by √(2·depth), so
    that the sum of all branches is of order one at any depth (Radford 2019, §2.3).
    """
    spread = math.sqrt(2 / (5 * width))
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            last = name.endswith(("attention.out", "cross.out", "feed_forward.down"))
            draw.normal_(module.weight, std=spread / math.sqrt(2 * depth) if last else spread)
        if isinstance(module, nn.Linear) and module.bias is not None:
            draw.zeros_(module.bias)
