"""MatrixFactorisation: a user and an item as vectors, whose product says how they fit."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness.models.pairs import indices, require_pairs
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import require_range, require_whole

STD = 0.1
"""Standard deviation of a vector's first numbers: with 16 of them products begin near .04."""


class FactorisationNetwork(nn.Module):
    """Embeddings of users and items, and a bias of each and of all."""

    def __init__(self, users: int, items: int, width: int, dropout: float) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, width), nn.Embedding(items, width)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(1))
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=STD)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (batch, 2 + features) to (batch, 1)."""
        users, items = indices(rows)
        product = self.dropout(self.users(users)) * self.dropout(self.items(items))
        biases = self.user_bias(users) + self.item_bias(items) + self.bias
        result: Tensor = biases + product.sum(dim=1, keepdim=True)
        return result


@dataclass(frozen=True, kw_only=True)
class MatrixFactorisation(Model):
    """Settings of a matrix factorisation (Koren, Bell & Volinsky 2009): pairs to (batch, 1).

    b + b_user + b_item + p_user · q_item, with vectors of `width` numbers: a model without depth.
    Its regularisation is the recipe's weight decay, and dropout on the vectors.

    With u users, i items and width w there are (u + i)·(w + 1) + 1 parameters.

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "entities"
    answers: ClassVar[frozenset[Targets]] = frozenset(("values", "clicks"))

    width: int = 16
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("width", self.width)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> FactorisationNetwork:
        """Return the network; raise UserError unless the data are pairs of a user and an item."""
        return FactorisationNetwork(*require_pairs(facts), self.width, self.dropout)
