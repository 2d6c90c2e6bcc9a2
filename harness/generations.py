"""Generations: text that a trained character model writes after a prompt."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from harness.settings import UserError
from harness.trained import Trained, trained


@runtime_checkable
class Writer(Protocol):
    """A network that goes on with tokens, of which it sees the last `context` at most."""

    context: int

    def generate(
        self,
        prompt: Tensor,
        *,
        count: int,
        temperature: float,
        top_k: int | None,
        generator: torch.Generator,
    ) -> Tensor:
        """Return `prompt` (batch, time) and `count` tokens after it."""


def generate_run(
    run_id: str,
    prompt: str,
    *,
    count: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> str:
    """Return `prompt` and the `count` characters (None: to a full context) that a run samples.

    The same seed gives the same text; with `temperature` 0 none is needed.

    Raises:
        UserError: there is no such finished run, it is no character model, or the prompt is empty,
            too long or has characters that the model never saw.
    """
    found = trained(run_id)
    network, alphabet = _writer(found), found.recipe.data.alphabet
    tokens = _tokens(prompt, alphabet)
    written = network.generate(
        tokens,
        count=max(1, network.context - tokens.shape[1]) if count is None else count,
        temperature=temperature,
        top_k=top_k,
        generator=torch.Generator().manual_seed(seed),
    )
    return "".join(alphabet[token] for token in written[0].tolist())


def _writer(found: Trained) -> Writer:
    network, data = found.network, found.recipe.data
    if not isinstance(network, Writer) or not data.alphabet:
        got = f"{type(found.recipe.model).__name__} on {type(data).__name__}"
        do = "choose another run, as of `make study NAME=depth_vs_params_transformer`"
        raise UserError("RUN", got=got, allowed="a network that writes characters", do=do)
    return network


def _tokens(prompt: str, alphabet: str) -> Tensor:
    strange = sorted(set(prompt) - set(alphabet))
    if strange or not prompt:
        got = "".join(strange) or "no text"
        raise UserError("PROMPT", got=got, allowed=f"some of {alphabet!r}", do='say PROMPT="Who "')
    return torch.tensor([[alphabet.index(character) for character in prompt]])
