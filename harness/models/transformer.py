"""Transformer: the encoder-decoder that reads a text and writes its translation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from harness.facts import PADDING
from harness.models.attention import Attention, CrossAttention, Memory, size_of_head
from harness.models.block import NORMS, Block, Norm, Placement, initialise_transformer
from harness.models.feed_forward import feed_forward, feed_forward_width
from harness.models.positions import LearnedPlaces, Sinusoids
from harness.models.tokens import require_tokens
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import require_choice, require_range, require_whole

POSITIONS = {"sinusoidal": Sinusoids, "learned": LearnedPlaces}


@dataclass(frozen=True, eq=False)
class Reading:
    """What an encoder made of texts: for each block of the decoder its keys and values."""

    blocks: Sequence[Tensor]
    """(2, batch, heads, source time, size) each."""
    present: Tensor
    """(batch, 1, 1, source time): True where there is a token."""

    def repeated(self, times: int) -> "Reading":
        """Return it with every text `times` times in a row."""
        blocks = [block.repeat_interleave(times, dim=1) for block in self.blocks]
        return Reading(blocks, self.present.repeat_interleave(times, dim=0))


class TransformerNetwork(nn.Module):
    """Two embeddings, blocks that read, blocks that write and look at what was read, a head."""

    def __init__(
        self,
        *,
        tokens: tuple[nn.Embedding, nn.Embedding],
        places: tuple[nn.Module, nn.Module],
        encoder: Sequence[Block],
        decoder: Sequence[Block],
        norms: tuple[nn.Module, nn.Module],
        head: nn.Linear,
        dropout: float,
        source: int,
    ) -> None:
        super().__init__()
        self.source_tokens, self.target_tokens = tokens
        self.source_places, self.target_places = places
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.encoder, self.encoder_norm = nn.ModuleList(encoder), norms[0]
        self.decoder, self.decoder_norm = nn.ModuleList(decoder), norms[1]
        self.head = head
        self.source = source

    def forward(self, pairs: Tensor) -> Tensor:
        """Map texts and their translations, one place late, to logits of each token's successor.

        `pairs` is (batch, source + target time), the logits are (batch, target time, vocabulary).
        """
        return self.write(pairs[:, self.source :], self.read(pairs[:, : self.source]))

    def read(self, texts: Tensor) -> Reading:
        """Return what the decoder needs of texts (batch, source time), which end with padding."""
        first = torch.arange(texts.shape[1], device=texts.device) == 0
        present = ((texts != PADDING) | first)[:, None, None, :]  # an empty text has no softmax
        hidden = self.dropout(self.source_places(self.source_tokens(texts)))
        for block in self.encoder:
            hidden = block(hidden, present)
        hidden = self.encoder_norm(hidden)
        return Reading([cast("Block", block).read(hidden) for block in self.decoder], present)

    def write(
        self, beginning: Tensor, reading: Reading, memories: Sequence[Memory] | None = None
    ) -> Tensor:
        """Map the beginning of translations (batch, time) to logits (batch, time, vocabulary).

        With `memories`, one a block, `beginning` holds the tokens that follow those in them.
        """
        seen = memories[0].length if memories else 0
        hidden = self.dropout(self.target_places(self.target_tokens(beginning), seen))
        for index, block in enumerate(self.decoder):
            memory = memories[index] if memories else None
            hidden = block(hidden, None, memory, (reading.blocks[index], reading.present))
        logits: Tensor = self.head(self.decoder_norm(hidden))
        return logits


@dataclass(frozen=True, kw_only=True)
class Transformer(Model):
    """Settings of the transformer of Vaswani et al. 2017 (arXiv:1706.03762): text to translation.

    Maps (batch, source + target time) of tokens, each text followed by its translation one place
    late, to logits (batch, target time, vocabulary). `depth` counts the blocks of each half,
    `decoder_depth` (None: `depth`) those of the decoder. The paper's base model is depth=6,
    width=512, heads=8, placement="post", feed_forward="relu", dropout=.1; "pre" has the norms
    before each branch, which trains without warm-up (Xiong 2020). Each half ends with one more norm
    in either case, as torch.nn.Transformer has it. `tied` uses the target's embedding as the head
    (§3.4). Heads have the size ⌈width/heads⌉. Dropout is on the embeddings and on every residual
    branch, not on attention weights. Padding of a text is attended by nothing.

    With vocabularies V and U of S and T places, width d, depths L and K, h heads of size s, f =
    `feed_forward_width` (None: 4·d, or ⌈8/3·d⌉ for SwiGLU), n = 2·d with layer norm else d,
    a = 3·h·s·(d + 1) + h·s·d + d and g = 2·d·f + f + d (SwiGLU: 3·d·f + 2·f + d) there are
    (V + U)·d, and U·d if not `tied`, and (S + T)·d with learned positions, and
    L·(a + g + 2·n) + K·(2·a + g + 3·n) + 2·n parameters.

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "tokens"
    answers: ClassVar[frozenset[Targets]] = frozenset(("translation",))

    depth: int = 2
    decoder_depth: int | None = None
    width: int = 64
    heads: int = 4
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    norm: Norm = "layer"
    placement: Placement = "pre"
    feed_forward: Literal["gelu", "relu", "swiglu"] = "relu"
    feed_forward_width: int | None = None
    dropout: float = 0.0
    tied: bool = True

    def __post_init__(self) -> None:
        for what in ("depth", "width", "heads"):
            require_whole(what, getattr(self, what))
        for what in ("decoder_depth", "feed_forward_width"):
            if getattr(self, what) is not None:
                require_whole(what, getattr(self, what))
        require_choice("positions", self.positions, POSITIONS)
        require_choice("norm", self.norm, NORMS)
        require_choice("placement", self.placement, ("pre", "post"))
        require_choice("feed_forward", self.feed_forward, ("gelu", "relu", "swiglu"))
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("tied", self.tied, (True, False))

    def build(self, facts: Facts) -> TransformerNetwork:
        """Return the network; raise UserError unless the data are texts and their translations.

        Its parts are called source_tokens, target_tokens, source_places, target_places, encoder.0
        …, encoder_norm, decoder.0 …, decoder_norm, head.
        """
        length, vocabulary = require_tokens(facts, targets=("translation",))
        places, norm = POSITIONS[self.positions], NORMS[self.norm]
        decoder_depth = self.decoder_depth or self.depth
        network = TransformerNetwork(
            tokens=(
                nn.Embedding(vocabulary, self.width),
                nn.Embedding(facts.outputs, self.width),
            ),
            places=(
                places(facts.source, self.width),
                places(length - facts.source, self.width),
            ),
            encoder=[self._block() for _ in range(self.depth)],
            decoder=[self._block(writes=True) for _ in range(decoder_depth)],
            norms=(norm(self.width), norm(self.width)),
            head=nn.Linear(self.width, facts.outputs, bias=False),
            dropout=self.dropout,
            source=facts.source,
        )
        if self.tied:
            network.head.weight = network.target_tokens.weight
        initialise_transformer(network, self.width, max(self.depth, decoder_depth))
        return network

    def _block(self, *, writes: bool = False) -> Block:
        size = size_of_head(self.width, self.heads)
        attention = Attention(
            self.width, heads=self.heads, kv_heads=self.heads, head_size=size, causal=writes
        )
        hidden = self.feed_forward_width or feed_forward_width(self.feed_forward, self.width)
        return Block(
            self.width,
            attention,
            feed_forward(self.feed_forward, self.width, hidden),
            norm=self.norm,
            placement=self.placement,
            dropout=self.dropout,
            cross=CrossAttention(self.width, heads=self.heads, head_size=size) if writes else None,
        )
