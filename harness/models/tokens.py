"""Tokens: what a model of token sequences asks of its data."""

from torch import Tensor

from harness.recipe import Facts
from harness.settings import UserError


def require_tokens(facts: Facts, *, targets: tuple[str, ...]) -> tuple[int, int]:
    """Return (length, vocabulary) if an example is a row of tokens with one of these targets.

    Raises UserError otherwise.
    """
    if facts.vocabulary is None or len(facts.inputs) != 1:
        allowed = "(length,) of tokens from a vocabulary"
        raise UserError("inputs", got=facts.inputs, allowed=allowed, do="use a text dataset")
    if facts.targets not in targets:
        do = "use another model or other data"
        raise UserError("targets", got=facts.targets, allowed=" or ".join(targets), do=do)
    return facts.inputs[0], facts.vocabulary


def mean_of_present(hidden: Tensor, present: Tensor) -> Tensor:
    """Return the mean of (batch, time, width) over the places where (batch, time) is True."""
    weights = present[..., None].to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
