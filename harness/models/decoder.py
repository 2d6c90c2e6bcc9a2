"""Decoder: a causal transformer, from GPT to Llama by its settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from harness.models.attention import Attention, Memory, size_of_head
from harness.models.block import NORMS, Block, Norm, initialise_transformer
from harness.models.feed_forward import feed_forward, feed_forward_width
from harness.models.generate import generate
from harness.models.rotary import Rotary
from harness.models.tokens import require_tokens
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import UserError, require_choice, require_range, require_whole


class DecoderNetwork(nn.Module):
    """Token embedding, positions, blocks, a last norm, and a head over the vocabulary."""

    def __init__(
        self,
        *,
        tokens: nn.Embedding,
        places: nn.Embedding | None,
        blocks: Sequence[Block],
        norm: nn.Module,
        head: nn.Linear,
        dropout: float,
        context: int,
    ) -> None:
        super().__init__()
        self.tokens, self.places = tokens, places
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.head = norm, head
        self.context = context

    def forward(self, tokens: Tensor, memories: Sequence[Memory] | None = None) -> Tensor:
        """Map tokens (batch, time) to logits (batch, time, vocabulary) of the token after each.

        With `memories`, one a block, `tokens` are those that follow what the memories hold.
        """
        hidden = self.tokens(tokens)
        if self.places is not None:
            seen = memories[0].length if memories else 0
            places = torch.arange(seen, seen + tokens.shape[1], device=tokens.device)
            hidden = hidden + self.places(places)
        hidden = self.dropout(hidden)
        for index, block in enumerate(self.blocks):
            hidden = block(hidden, memory=memories[index] if memories else None)
        logits: Tensor = self.head(self.norm(hidden))
        return logits

    def generate(
        self,
        prompt: Tensor,
        *,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return `prompt` and `count` sampled tokens after it: see `generate`."""
        return generate(
            self, prompt, count=count, temperature=temperature, top_k=top_k, generator=generator
        )


@dataclass(frozen=True, kw_only=True)
class Decoder(Model):
    """Settings of a causal transformer: tokens (batch, time) to logits (batch, time, vocabulary).

    `depth` counts blocks, each of attention and feed-forward, with the norm before them. At its
    defaults it is GPT-2 (Radford 2019) in small; Llama (Touvron 2023, arXiv:2302.13971) is
    norm="rms", positions="rope", feed_forward="swiglu", bias=False. `kv_heads` (None: `heads`)
    heads of keys and values are shared (Ainslie 2023, arXiv:2305.13245). Heads have the size
    ⌈width/heads⌉, with `rope` the next even number, so that any width will do. `tied` uses the
    token embedding as the head (Press & Wolf 2017, arXiv:1608.05859). Dropout is on the embedding
    and on every residual branch, not on attention weights.

    With vocabulary V, context T, width d, depth L, h heads of size s, k of them of keys, f =
    `feed_forward_width` (None: 4·d, or ⌈8/3·d⌉ for SwiGLU), b = 1 with `bias` else 0, and n = 2·d
    with layer norm else d, there are V·d, and T·d with learned positions, and V·d if not `tied`,
    and (2·L + 1)·n, and L times
    (h + 2·k)·s·(d + b) + h·s·d + b·d + (2·d·f + b·(f + d), or with SwiGLU 3·d·f + b·(2·f + d))
    parameters.

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "tokens"
    answers: ClassVar[frozenset[Targets]] = frozenset(("tokens",))

    depth: int = 2
    width: int = 64
    heads: int = 4
    kv_heads: int | None = None
    norm: Norm = "layer"
    positions: Literal["learned", "rope"] = "learned"
    feed_forward: Literal["gelu", "swiglu"] = "gelu"
    feed_forward_width: int | None = None
    dropout: float = 0.0
    tied: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        for what in ("depth", "width", "heads"):
            require_whole(what, getattr(self, what))
        for what in ("kv_heads", "feed_forward_width"):
            if getattr(self, what) is not None:
                require_whole(what, getattr(self, what))
        if self.heads % (self.kv_heads or self.heads):
            allowed, do = f"a divisor of heads={self.heads}", "change one of them"
            raise UserError("kv_heads", got=self.kv_heads, allowed=allowed, do=do)
        require_choice("norm", self.norm, NORMS)
        require_choice("positions", self.positions, ("learned", "rope"))
        require_choice("feed_forward", self.feed_forward, ("gelu", "swiglu"))
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("tied", self.tied, (True, False))
        require_choice("bias", self.bias, (True, False))

    def build(self, facts: Facts) -> DecoderNetwork:
        """Return the network; raise UserError unless the data are tokens with the next as target.

        Its parts are called tokens, places, blocks.0 … blocks.<depth − 1>, norm, head.
        """
        context, vocabulary = require_tokens(facts, targets=("tokens",))
        learned = self.positions == "learned"
        network = DecoderNetwork(
            tokens=nn.Embedding(vocabulary, self.width),
            places=nn.Embedding(context, self.width) if learned else None,
            blocks=[self._block(context) for _ in range(self.depth)],
            norm=NORMS[self.norm](self.width),
            head=nn.Linear(self.width, vocabulary, bias=False),
            dropout=self.dropout,
            context=context,
        )
        if self.tied:
            network.head.weight = network.tokens.weight
        initialise_transformer(network, self.width, self.depth)
        return network

    def _block(self, context: int) -> Block:
        rope = self.positions == "rope"
        head_size = size_of_head(self.width, self.heads, even=rope)
        attention = Attention(
            self.width,
            heads=self.heads,
            kv_heads=self.kv_heads or self.heads,
            head_size=head_size,
            bias=self.bias,
            causal=True,
            rotary=Rotary(context, head_size) if rope else None,
        )
        hidden = self.feed_forward_width or feed_forward_width(self.feed_forward, self.width)
        inner = feed_forward(self.feed_forward, self.width, hidden, bias=self.bias)
        return Block(self.width, attention, inner, norm=self.norm, dropout=self.dropout)
