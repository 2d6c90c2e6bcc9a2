"""Encoder: a transformer that sees the whole text, and classifies it or fills in its gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from harness.facts import PADDING
from harness.models.attention import Attention, size_of_head
from harness.models.block import NORMS, Block, Norm, Placement, initialise_transformer
from harness.models.feed_forward import feed_forward, feed_forward_width
from harness.models.tokens import mean_of_present, require_tokens
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import require_choice, require_range, require_whole


class EncoderNetwork(nn.Module):
    """Token and place embeddings, blocks, the mean over what is no padding, and a head."""

    def __init__(
        self,
        *,
        tokens: nn.Embedding,
        places: nn.Embedding,
        first_norm: nn.Module,
        blocks: Sequence[Block],
        last_norm: nn.Module,
        head: nn.Module,
        dropout: float,
        ragged: bool,
        pools: bool,
    ) -> None:
        super().__init__()
        self.tokens, self.places, self.first_norm = tokens, places, first_norm
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.blocks = nn.ModuleList(blocks)
        self.last_norm, self.head, self.ragged, self.pools = last_norm, head, ragged, pools

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, time) to (batch, outputs), masked ones to (batch, time, outputs)."""
        present = tokens != PADDING if self.ragged else torch.ones_like(tokens, dtype=torch.bool)
        mask = present[:, None, None, :] if self.ragged else None
        places = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = self.dropout(self.first_norm(self.tokens(tokens) + self.places(places)))
        for block in self.blocks:
            hidden = block(hidden, mask)
        hidden = self.last_norm(hidden)
        seen = mean_of_present(hidden, present) if self.pools else hidden
        result: Tensor = self.head(self.dropout(seen))
        return result


@dataclass(frozen=True, kw_only=True)
class Encoder(Model):
    """Settings of a transformer encoder: tokens (batch, time) to (batch, outputs).

    If the targets are masked tokens, to logits (batch, time, outputs): the head sees each place.
    BERT (Devlin 2019, arXiv:1810.04805) is placement="post": a norm after each residual branch and
    after the embeddings. With "pre" norms are before each branch and after the last block, which
    trains without warm-up (Xiong 2020). `depth` counts blocks. Heads have the size ⌈width/heads⌉.
    In ragged data padding is attended by nothing and left out of the mean that the head sees.

    With vocabulary V, time T, width d, depth L, h heads of size s, f = `feed_forward_width` (None:
    4·d, or ⌈8/3·d⌉ for SwiGLU), n = 2·d with layer norm else d and o outputs there are
    (V + T)·d + (2·L + 1)·n + d·o + o, and L times
    3·h·s·(d + 1) + h·s·d + d + (2·d·f + f + d, or with SwiGLU 3·d·f + 2·f + d) parameters.

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "tokens"
    answers: ClassVar[frozenset[Targets]] = frozenset(("classes", "values", "masked"))

    depth: int = 2
    width: int = 64
    heads: int = 4
    norm: Norm = "layer"
    placement: Placement = "pre"
    feed_forward: Literal["gelu", "relu", "swiglu"] = "gelu"
    feed_forward_width: int | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for what in ("depth", "width", "heads"):
            require_whole(what, getattr(self, what))
        if self.feed_forward_width is not None:
            require_whole("feed_forward_width", self.feed_forward_width)
        require_choice("norm", self.norm, NORMS)
        require_choice("placement", self.placement, ("pre", "post"))
        require_choice("feed_forward", self.feed_forward, ("gelu", "relu", "swiglu"))
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> EncoderNetwork:
        """Return the network; raise UserError unless the data are texts with one of its targets.

        Its parts are called tokens, places, first_norm, blocks.0 …, last_norm, head.
        """
        length, vocabulary = require_tokens(facts, targets=("classes", "values", "masked"))
        post = self.placement == "post"
        network = EncoderNetwork(
            tokens=nn.Embedding(vocabulary, self.width),
            places=nn.Embedding(length, self.width),
            first_norm=NORMS[self.norm](self.width) if post else nn.Identity(),
            blocks=[self._block() for _ in range(self.depth)],
            last_norm=nn.Identity() if post else NORMS[self.norm](self.width),
            head=nn.Linear(self.width, facts.outputs),
            dropout=self.dropout,
            ragged=facts.ragged,
            pools=facts.targets != "masked",
        )
        initialise_transformer(network, self.width, self.depth)
        return network

    def _block(self) -> Block:
        size = size_of_head(self.width, self.heads)
        attention = Attention(self.width, heads=self.heads, kv_heads=self.heads, head_size=size)
        hidden = self.feed_forward_width or feed_forward_width(self.feed_forward, self.width)
        inner = feed_forward(self.feed_forward, self.width, hidden)
        return Block(
            self.width,
            attention,
            inner,
            norm=self.norm,
            placement=self.placement,
            dropout=self.dropout,
        )
