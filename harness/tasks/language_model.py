"""Language modelling: the next token at every place, by cross-entropy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import Metric

from harness.recipe import Facts, Task
from harness.settings import UserError


class TokenLoss(Metric):
    """Mean of the losses of all tokens, in nats; kept in float64."""

    higher_is_better = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, losses: Tensor, _targets: Tensor) -> None:
        """Add losses (batch, time) in nats."""
        self.total += losses.double().sum()
        self.count += losses.numel()

    def compute(self) -> Tensor:
        """Return the mean."""
        return self.total / self.count


class Perplexity(TokenLoss):
    """exp of the mean loss a token."""

    def compute(self) -> Tensor:
        """Return it, from 1."""
        return super().compute().exp()


class Bits(TokenLoss):
    """Mean loss in bits a character, of tokens that stand for `letters` characters on average."""

    def __init__(self, letters: float = 1.0) -> None:
        super().__init__()
        self.letters = letters

    def compute(self) -> Tensor:
        """Return it."""
        return super().compute() / (math.log(2) * self.letters)


@dataclass(frozen=True, kw_only=True)
class LanguageModel(Task):
    """Logits (batch, time, vocabulary) against the next token at each place (batch, time).

    Its output is the loss of every token, not the logits: those of a whole split would be
    `vocabulary` times as large.
    """

    headline = "bits_per_character"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless each place has a token as target."""
        if facts.targets != "tokens":
            do = "use a text dataset, or another task"
            raise UserError("targets", got=facts.targets, allowed="tokens", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return the loss of each token in nats, (batch, time)."""
        tokens, following = batch
        logits = network(tokens)
        return cross_entropy(logits.transpose(1, 2), following, reduction="none")

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean loss a token, in nats."""
        del batch, training
        return output.mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return perplexity (of tokens) and bits per character, whatever the tokens are."""
        return {"perplexity": Perplexity(), "bits_per_character": Bits(facts.letters)}
