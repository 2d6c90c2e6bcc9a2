"""Tokens: what a model of token sequences asks of its data."""

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
