"""Pairs: what a recommender asks of its data, and how it reads a row of it."""

from torch import Tensor

from harness.recipe import Facts
from harness.settings import UserError


def require_pairs(facts: Facts) -> tuple[int, int]:
    """Return (users, items) if an example is a pair of them and one number is to be told of it.

    Raises UserError otherwise.
    """
    if len(facts.entities) != 2 or facts.outputs != 1:
        got = f"{len(facts.entities)} entities and {facts.outputs} outputs"
        do = "use a dataset of ratings or clicks"
        raise UserError("data", got=got, allowed="a user, an item and one output", do=do)
    users, items = facts.entities
    return users, items


def indices(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the users and the items (batch,) of rows (batch, 2 + features)."""
    pairs = rows[:, :2].long()
    return pairs[:, 0], pairs[:, 1]
