"""NeuMF: neural matrix factorisation, a product of vectors beside a tower of layers."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness.models.pairs import indices, require_pairs
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import require_range, require_whole

STD = 0.01
"""Standard deviation of all embeddings at the start (He 2017, §4.1)."""


class NeuMFNetwork(nn.Module):
    """Two pairs of embeddings: one pair is multiplied, the other goes through the tower."""

    def __init__(self, users: int, items: int, *, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        wide = width * 2 ** (depth - 1)
        self.users, self.items = nn.Embedding(users, width), nn.Embedding(items, width)
        self.tower_users = nn.Embedding(users, wide)
        self.tower_items = nn.Embedding(items, wide)
        sizes = [2 * wide, *(wide // 2**layer for layer in range(depth))]
        layers = OrderedDict(
            (f"hidden_{number}", _layer(sizes[number - 1], sizes[number], dropout))
            for number in range(1, depth + 1)
        )
        self.tower = nn.Sequential(layers)
        self.head = nn.Linear(2 * width, 1)
        for table in (self.users, self.items, self.tower_users, self.tower_items):
            nn.init.normal_(table.weight, std=STD)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (batch, 2 + features) to (batch, 1)."""
        users, items = indices(rows)
        product = self.users(users) * self.items(items)
        both = torch.cat([self.tower_users(users), self.tower_items(items)], dim=1)
        result: Tensor = self.head(torch.cat([product, self.tower(both)], dim=1))
        return result


@dataclass(frozen=True, kw_only=True)
class NeuMF(Model):
    """Settings of NeuMF (He et al. 2017, arXiv:1708.05031): pairs to (batch, 1).

    The product of two vectors of `width` numbers beside a tower of `depth` layers, of which the
    last has `width` units and each before it twice as many (§3.4, §4.1); its own vectors are as
    wide as its first layer. Dropout follows every layer.

    With u users, i items, width w and f = w·2^(depth − 1) there are (u + i)·(w + f) + 2·w + 1
    parameters and those of the tower, (2·f + 1)·f + (f + 1)·f/2 + … .

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "entities"
    answers: ClassVar[frozenset[Targets]] = frozenset(("values", "clicks"))

    depth: int = 2
    width: int = 8
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> NeuMFNetwork:
        """Return the network; raise UserError unless the data are pairs of a user and an item."""
        users, items = require_pairs(facts)
        return NeuMFNetwork(users, items, width=self.width, depth=self.depth, dropout=self.dropout)


def _layer(before: int, after: int, dropout: float) -> nn.Module:
    parts = [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts, *([nn.Dropout(dropout)] if dropout else []))
