"""ContentModel: recommends by what is known of users and items, so also those never seen before."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from harness.models.activation import ACTIVATIONS, Activation
from harness.models.pairs import require_pairs
from harness.recipe import Facts, Inputs, Model, Targets
from harness.settings import UserError, require_choice, require_range, require_whole


class ContentNetwork(nn.Module):
    """A tower for users, one for items, the product of what they say, and what each says alone."""

    def __init__(self, users: nn.Module, items: nn.Module, features: int, width: int) -> None:
        super().__init__()
        self.users, self.items, self.features = users, items, features
        self.head = nn.Linear(2 * width, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (batch, 2 + features) to (batch, 1); the two indices are not looked at."""
        known = rows[:, 2:]
        user = self.users(known[:, : self.features])
        item = self.items(known[:, self.features :])
        product = (user * item).sum(dim=1, keepdim=True) / user.shape[1] ** 0.5
        result: Tensor = product + self.head(torch.cat([user, item], dim=1))
        return result


@dataclass(frozen=True, kw_only=True)
class ContentModel(Model):
    """Settings of two towers over features (after Huang et al. 2013, DSSM): pairs to (batch, 1).

    Each tower has `depth` hidden layers of `width` units and a linear layer to `width` numbers; the
    answer is their product over √width, and a linear function of both. Dropout follows every hidden
    layer.

    With a and b features, width w and depth d there are (a + b + 2)·w + 2·(d − 1)·(w + 1)·w in the
    hidden layers, 2·(w + 1)·w after them and 2·w + 1 in the head.

    Raises UserError if a setting is out of its range, and at build if the data have no features.
    """

    reads: ClassVar[Inputs] = "entities"
    answers: ClassVar[frozenset[Targets]] = frozenset(("values", "clicks"))

    depth: int = 2
    width: int = 32
    activation: Activation = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        require_choice("activation", self.activation, ACTIVATIONS)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> ContentNetwork:
        """Return the network; its parts are called users, items, head."""
        require_pairs(facts)
        if len(facts.features) != 2:
            do = "use data that know something of users and items, or MatrixFactorisation"
            allowed = "some of users and some of items"
            raise UserError("features", got=facts.features, allowed=allowed, do=do)
        user, item = facts.features
        return ContentNetwork(self._tower(user), self._tower(item), user, self.width)

    def _tower(self, features: int) -> nn.Module:
        sizes = [features, *[self.width] * self.depth]
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for number in range(1, self.depth + 1):
            parts[f"hidden_{number}"] = self._layer(sizes[number - 1], sizes[number])
        parts["out"] = nn.Linear(self.width, self.width)
        return nn.Sequential(parts)

    def _layer(self, before: int, after: int) -> nn.Module:
        layer = [nn.Linear(before, after), ACTIVATIONS[self.activation]()]
        return nn.Sequential(*layer, *([nn.Dropout(self.dropout)] if self.dropout else []))
