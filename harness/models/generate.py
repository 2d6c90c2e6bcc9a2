"""Generation: sampling token after token from a decoder, each with one incremental step."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from harness.models.attention import Memory
from harness.settings import UserError, require_range, require_whole


class Decodes(Protocol):
    """A causal network of blocks, each with a memory."""

    context: int
    blocks: nn.ModuleList
    training: bool

    def __call__(self, tokens: Tensor, memories: Sequence[Memory]) -> Tensor:
        """Map tokens that follow the memories to logits (batch, time, vocabulary)."""

    def train(self, mode: bool = True) -> nn.Module:
        """Set train or eval mode."""


@torch.no_grad()
def generate(
    network: Decodes,
    prompt: Tensor,
    *,
    count: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return `prompt` (batch, time) followed by `count` sampled tokens, (batch, time + count).

    Logits are divided by `temperature` (0: the likeliest token is taken); `top_k` samples among
    the k likeliest alone (Fan 2018, arXiv:1805.04833). Where the network's context is full, it goes
    on from the last half of it. In eval mode; the mode is put back.

    Raises UserError if the prompt is empty or longer than the context.
    """
    require_whole("count", count)
    require_range("temperature", temperature, low=0)
    if top_k is not None:
        require_whole("top_k", top_k)
    if not 1 <= prompt.shape[1] <= network.context:
        allowed = f"1 to {network.context} tokens"
        raise UserError("prompt", got=prompt.shape[1], allowed=allowed, do="shorten it")
    training = network.training
    network.train(False)
    memories = [Memory() for _ in network.blocks]
    tokens, new = prompt, prompt
    for _ in range(count):
        if memories[0].length == network.context:
            memories = [Memory() for _ in network.blocks]
            new = tokens[:, -max(1, network.context // 2) :]
        logits = network(new, memories)[:, -1]
        new = _draw(logits, temperature, top_k, generator)
        tokens = torch.cat([tokens, new], dim=1)
    network.train(training)
    return tokens


def _draw(
    logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator | None
) -> Tensor:
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    if top_k is not None:
        least = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    chances = (logits / temperature).softmax(dim=-1)
    return torch.multinomial(chances, 1, generator=generator)
