"""Translation: the likeliest text by beam search, each token with one incremental step."""

import torch
from torch import Tensor

from harness.facts import END, PADDING
from harness.models.attention import Memory
from harness.models.transformer import TransformerNetwork


@torch.no_grad()
def translate(network: TransformerNetwork, texts: Tensor, *, length: int, beams: int = 1) -> Tensor:
    """Return translations (batch, length) of texts (batch, source time), filled up with padding.

    Of the `beams` likeliest beginnings, each is continued by every token and the likeliest are kept
    (Graves 2012, arXiv:1211.3711); with 1 that is greedy. The likeliest of the last ones is
    returned, by the sum of its log-probabilities: no norm for length. What follows END is padding.
    The network must be in eval mode.
    """
    assert not network.training
    batch = len(texts)
    reading = network.read(texts).repeated(beams)
    memories = [Memory() for _ in network.decoder]
    written = texts.new_full((batch * beams, 1), END)
    # All beams begin alike: only the first counts.
    scores = torch.arange(beams, device=texts.device).eq(0).log()[None].expand(batch, beams)
    ended = torch.zeros_like(written[:, 0], dtype=torch.bool)
    first = beams * torch.arange(batch, device=texts.device)[:, None]
    for _ in range(length):
        logits = network.write(written[:, -1:], reading, memories)[:, -1]
        chances = _continued(logits.log_softmax(dim=-1), ended)
        chances = chances.reshape(batch, beams, -1)
        vocabulary = chances.shape[-1]
        scores, best = (scores[..., None] + chances).flatten(1).topk(beams)
        rows = (first + best // vocabulary).flatten()
        token = (best % vocabulary).flatten()
        if beams > 1:
            for memory in memories:
                memory.choose(rows)
        written = torch.cat([written[rows], token[:, None]], dim=1)
        ended = ended[rows] | (token == END)
    return written[first[:, 0], 1:]


def _continued(chances: Tensor, ended: Tensor) -> Tensor:
    """Return the log-probabilities (texts, vocabulary); padding alone follows what has ended."""
    padding = torch.arange(chances.shape[-1], device=chances.device) == PADDING
    certain = padding.to(chances.dtype).log()
    never = chances.masked_fill(padding, -torch.inf)
    return torch.where(ended[:, None], certain, never)
