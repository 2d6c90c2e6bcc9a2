"""Transformers and recurrent networks of the literature, written from their papers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Recurrent = nn.RNN | nn.LSTM | nn.GRU


class Attention(nn.Module):
    """Multi-head self-attention with one projection to queries, keys and values."""

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        result: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return result


def mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Block(nn.Module):
    """A transformer block with norms before its parts (Xiong 2020), or after them."""

    def __init__(self, width: int, heads: int, *, causal: bool, pre_norm: bool = True) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=causal)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = mlp(width)
        self.pre_norm = pre_norm

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, tokens, width) to the same shape."""
        if self.pre_norm:
            x = x + self.attention(self.norm1(x))
            x = x + self.mlp(self.norm2(x))
        else:
            x = self.norm1(x + self.attention(x))
            x = self.norm2(x + self.mlp(x))
        return x


class GPT(nn.Module):
    """GPT-2 (Radford 2019), the head tied to the token embedding."""

    def __init__(
        self, *, blocks: int, width: int, heads: int, vocabulary: int = 50257, context: int = 1024
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, causal=True) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers (batch, tokens) to logits (batch, tokens, vocabulary)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.tokens(tokens) + self.positions(places)
        for block in self.blocks:
            x = block(x)
        result: Tensor = self.head(self.norm(x))
        return result


def gpt2_small() -> nn.Module:
    """GPT-2 small; (batch, tokens ≤ 1024)."""
    return GPT(blocks=12, width=768, heads=12)


class Bert(nn.Module):
    """BERT-base (Devlin 2018), with its pooler or without."""

    def __init__(self, *, pooler: bool = True) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, 768, padding_idx=0)
        self.positions = nn.Embedding(512, 768)
        self.segments = nn.Embedding(2, 768)
        self.norm = nn.LayerNorm(768)
        blocks = [Block(768, 12, causal=False, pre_norm=False) for _ in range(12)]
        self.encoder = nn.Sequential(*blocks)
        self.pooler = nn.Linear(768, 768) if pooler else None

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        """Map (batch, tokens) each to (batch, 768), or without pooler (batch, tokens, 768)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.norm(self.words(tokens) + self.segments(segments) + self.positions(places))
        x = self.encoder(x)
        result: Tensor = x if self.pooler is None else torch.tanh(self.pooler(x[:, 0]))
        return result


class ViT(nn.Module):
    """ViT-B/16 (Dosovitskiy 2020) with a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, stride=16)
        self.cls = nn.Parameter(torch.zeros(1, 1, 768))
        self.positions = nn.Parameter(torch.zeros(1, 197, 768))
        self.encoder = nn.Sequential(*(Block(768, 12, causal=False) for _ in range(12)))
        self.norm = nn.LayerNorm(768)
        self.head = nn.Linear(768, 1000)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, 3, 224, 224) to (batch, 1000)."""
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(images), -1, -1), x], dim=1) + self.positions
        result: Tensor = self.head(self.norm(self.encoder(x))[:, 0])
        return result


class RecurrentModel(nn.Module):
    """A stack of recurrent layers of one kind with a head on its last state."""

    def __init__(
        self, kind: type[nn.RNN | nn.LSTM | nn.GRU], size: int, layers: int, outputs: int
    ) -> None:
        super().__init__()
        self.stack = kind(size, size, layers, batch_first=True)
        self.head = nn.Linear(size, outputs)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map (batch, time, size) to (batch, outputs)."""
        states, _ = self.stack(sequence)
        result: Tensor = self.head(states[:, -1])
        return result
