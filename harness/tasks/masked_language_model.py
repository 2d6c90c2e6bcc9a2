"""Masked language modelling: what stands at the places that are hidden, by cross-entropy."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import Metric

from harness.recipe import Facts, Task
from harness.settings import UserError
from harness.tasks.language_model import Perplexity
from harness.tasks.share import Share

SEEN = -1.0
"""Stands where a token was not hidden."""


class MaskedPerplexity(Perplexity):
    """exp of the mean loss a hidden token."""

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add outputs of MaskedLanguageModel (batch, time, 2)."""
        super().update(output[..., 0][output[..., 1] != SEEN], targets)


class MaskedAccuracy(Share):
    """Share of the hidden tokens that are guessed."""

    def update(self, output: Tensor, _targets: Tensor) -> None:
        """Add outputs of MaskedLanguageModel (batch, time, 2)."""
        self.right += (output[..., 1] == 1).sum()
        self.count += (output[..., 1] != SEEN).sum()


@dataclass(frozen=True, kw_only=True)
class MaskedLanguageModel(Task):
    """Logits (batch, time, vocabulary) against the tokens (batch, time) that are hidden.

    A token is hidden where the input is not the target (Devlin 2019, arXiv:1810.04805, §3.1). Its
    output is, for every place, the loss, and 1 or 0 for right or wrong; 0 and SEEN where nothing
    was hidden.
    """

    headline = "masked_accuracy"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are masked tokens."""
        if facts.targets != "masked":
            do = "use a dataset of masked text, or another task"
            raise UserError("targets", got=facts.targets, allowed="masked", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return (batch, time, 2): losses in nats, and what was right."""
        tokens, targets = batch
        logits = network(tokens)
        losses = cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        right = (logits.argmax(dim=-1) == targets).to(losses)
        seen = tokens == targets
        return torch.stack([losses.masked_fill(seen, 0), right.masked_fill(seen, SEEN)], dim=-1)

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean loss in nats: over texts, of the mean over each one's hidden tokens."""
        del batch, training
        counts = (output[..., 1] != SEEN).sum(dim=1).clamp_min(1)
        return (output[..., 0].sum(dim=1) / counts).mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return the accuracy and the perplexity of hidden tokens."""
        del facts
        return {"masked_accuracy": MaskedAccuracy(), "masked_perplexity": MaskedPerplexity()}
