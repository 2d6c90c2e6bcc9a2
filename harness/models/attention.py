"""Attention: scaled dot products in several heads, grouped, causal or masked, with a memory."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.models.rotary import Rotary


class Memory:
    """Keys and values of the places already seen by one layer: what makes decoding incremental."""

    def __init__(self) -> None:
        self.kept: tuple[Tensor, Tensor] | None = None

    @property
    def length(self) -> int:
        """Number of places seen."""
        return 0 if self.kept is None else self.kept[0].shape[2]

    def choose(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order, some perhaps more than once."""
        if self.kept is not None:
            self.kept = self.kept[0][rows], self.kept[1][rows]

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (batch, heads, time, size) each and return all there are."""
        if self.kept is not None:
            keys = torch.cat([self.kept[0], keys], dim=2)
            values = torch.cat([self.kept[1], values], dim=2)
        self.kept = keys, values
        return keys, values


class Attention(nn.Module):
    """Self-attention softmax(QKᵀ/√s)V in `heads` heads of size s (Vaswani 2017, eq. 1).

    Several query heads share one of `kv_heads` heads of keys and values (Ainslie 2023,
    arXiv:2305.13245; 1 is Shazeer 2019's multi-query attention). With `rotary` queries and keys
    are turned by their place.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        kv_heads: int,
        head_size: int,
        bias: bool = True,
        causal: bool = False,
        rotary: Rotary | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_size, self.causal = heads, kv_heads, head_size, causal
        self.qkv = nn.Linear(width, (heads + 2 * kv_heads) * head_size, bias=bias)
        self.out = nn.Linear(heads * head_size, width, bias=bias)
        self.rotary = rotary

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, memory: Memory | None = None
    ) -> Tensor:
        """Map (batch, time, width) to the same shape.

        `mask`, broadcast to (batch, heads, time, time), is True where a query may look at a key.
        With `memory`, for causal attention, `hidden` holds the places that follow those in it.
        """
        query, keys, values = self._heads(hidden)
        seen = 0 if memory is None else memory.length
        if self.rotary is not None:
            query, keys = self.rotary(query, seen), self.rotary(keys, seen)
        if memory is not None:
            keys, values = memory.extend(keys, values)
        if seen:
            mask = _looks_back(query.shape[2], seen, hidden.device)
        attended = F.scaled_dot_product_attention(
            query,
            keys,
            values,
            attn_mask=mask,
            is_causal=self.causal and mask is None,
            enable_gqa=self.kv_heads != self.heads,
        )
        result: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return result

    def _heads(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = (self.heads, self.kv_heads, self.kv_heads)
        split = self.qkv(hidden).unflatten(-1, (sum(sizes), self.head_size)).transpose(1, 2)
        query, keys, values = split.split(sizes, dim=1)
        return query, keys, values


class CrossAttention(nn.Module):
    """Attention whose keys and values are of another sequence (Vaswani 2017, §3.2.3)."""

    def __init__(self, width: int, *, heads: int, head_size: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, heads * head_size)
        self.kv = nn.Linear(width, 2 * heads * head_size)
        self.out = nn.Linear(heads * head_size, width)

    def read(self, source: Tensor) -> Tensor:
        """Return keys and values, (2, batch, heads, source time, size), of (batch, time, width)."""
        split = self.kv(source).unflatten(-1, (2, self.heads, -1))
        keys_and_values: Tensor = split.permute(2, 0, 3, 1, 4)
        return keys_and_values

    def forward(self, hidden: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape; `source` is what `read` returned.

        `mask`, broadcast to (batch, heads, time, source time), is True where a key may be seen.
        """
        query = self.query(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        attended = F.scaled_dot_product_attention(query, source[0], source[1], attn_mask=mask)
        result: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return result


def _looks_back(new: int, seen: int, device: torch.device) -> Tensor:
    everything = torch.ones(new, seen + new, dtype=torch.bool, device=device)
    return everything.tril(seen)


def size_of_head(width: int, heads: int, *, even: bool = False) -> int:
    """Return ⌈width/heads⌉, or the next even number: any width will do, so that sizes can be fine.

    Where `heads` divides `width` this is the usual width/heads.
    """
    size = math.ceil(width / heads)
    return size + size % 2 if even else size
