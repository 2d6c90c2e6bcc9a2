"""ViT: an image cut into patches, read by a transformer encoder like a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.models.attention import Attention, size_of_head
from harness.models.block import Block, initialise_transformer
from harness.models.feed_forward import feed_forward
from harness.models.image import require_image
from harness.recipe import Facts, Model
from harness.settings import UserError, require_range, require_whole


class ViTNetwork(nn.Module):
    """Patches, a class token before them, places, blocks, a norm, and a head on the class token."""

    def __init__(
        self,
        *,
        patches: nn.Conv2d,
        places: nn.Embedding,
        blocks: Sequence[Block],
        head: nn.Linear,
        dropout: float,
    ) -> None:
        super().__init__()
        width = patches.out_channels
        self.patches, self.places = patches, places
        self.summary = nn.Parameter(torch.zeros(1, 1, width))
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, outputs)."""
        patches = self.patches(images).flatten(2).transpose(1, 2)
        start = self.summary.expand(images.shape[0], -1, -1)
        places = torch.arange(self.places.num_embeddings, device=images.device)
        hidden = self.dropout(torch.cat([start, patches], dim=1) + self.places(places))
        for block in self.blocks:
            hidden = block(hidden)
        result: Tensor = self.head(self.norm(hidden[:, 0]))
        return result


@dataclass(frozen=True, kw_only=True)
class ViT(Model):
    """Settings of a vision transformer (Dosovitskiy 2021, arXiv:2010.11929).

    Maps (batch, channels, height, width) to (batch, outputs). The image is cut into squares of
    `patch` pixels, each a Linear embedding of `width` numbers with a learned place; `depth` blocks
    of attention and a feed-forward network of 4·width, norms before them; the head sees what became
    of a learned class token. ViT-B/16 is depth=12, width=768, heads=12, patch=16. Heads have the
    size ⌈width/heads⌉. Dropout is on the embedding and on every residual branch.

    With c channels, P patches of p pixels, width d, depth L, h heads of size s and o outputs there
    are c·p²·d + d + d + (P + 1)·d + 2·d + d·o + o, and L times
    3·h·s·(d + 1) + h·s·d + 8·d² + 10·d parameters.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    their sides no multiples of `patch`.
    """

    depth: int = 2
    width: int = 64
    heads: int = 4
    patch: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for what in ("depth", "width", "heads", "patch"):
            require_whole(what, getattr(self, what))
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> ViTNetwork:
        """Return the network; its parts are called patches, places, blocks.0 …, norm, head.

        Raises UserError if `facts.inputs` is no image, or its sides are no multiples of `patch`.
        """
        channels, height, width = require_image(facts.inputs, smallest=1, do="use an MLP")
        if height % self.patch or width % self.patch:
            allowed = f"a divisor of both sides {height} and {width}"
            raise UserError("patch", got=self.patch, allowed=allowed, do="change patch")
        count = (height // self.patch) * (width // self.patch)
        network = ViTNetwork(
            patches=nn.Conv2d(channels, self.width, self.patch, self.patch),
            places=nn.Embedding(count + 1, self.width),
            blocks=[self._block() for _ in range(self.depth)],
            head=nn.Linear(self.width, facts.outputs),
            dropout=self.dropout,
        )
        initialise_transformer(network, self.width, self.depth)
        return network

    def _block(self) -> Block:
        size = size_of_head(self.width, self.heads)
        attention = Attention(self.width, heads=self.heads, kv_heads=self.heads, head_size=size)
        inner = feed_forward("gelu", self.width, 4 * self.width)
        return Block(self.width, attention, inner, dropout=self.dropout)
