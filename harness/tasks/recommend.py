"""Recommendation: which of many items somebody chooses next."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics import Metric

from harness.recipe import Facts, Task
from harness.settings import UserError

CUT = 10
"""How long the list is that somebody is shown."""


class HitRate(Metric):
    """Share of lists of candidates in which the chosen one is among the first ten.

    A list begins with the one that was chosen (target 1) and goes on to the next such; it must come
    in one update. Of equal scores the chosen one's is the last.
    """

    higher_is_better = True
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add scores (n, 1) and whether each was chosen (n, 1)."""
        found = ranks(output[:, 0], targets[:, 0] == 1)
        self.total += self.gain(found).double().sum()
        self.count += len(found)

    def compute(self) -> Tensor:
        """Return it, from 0 to 1."""
        return self.total / self.count.clamp_min(1)

    def gain(self, ranks: Tensor) -> Tensor:
        """Return what each rank, from 1, counts."""
        return ranks <= CUT


class Gain(HitRate):
    """Normalised discounted cumulative gain of the first ten: 1 / log₂(1 + rank of the chosen)."""

    def gain(self, ranks: Tensor) -> Tensor:
        """Return what each rank, from 1, counts."""
        return (ranks <= CUT) / (1 + ranks.double()).log2()


def ranks(scores: Tensor, chosen: Tensor) -> Tensor:
    """Return the rank, from 1, of the chosen one in each list; what is before the first is left."""
    number = chosen.long().cumsum(0) - 1
    inside = number >= 0
    number, scores = number[inside], scores[inside]
    ahead = scores >= scores[chosen[inside]][number]
    return torch.zeros(int(chosen.sum()), dtype=torch.int64).index_add(0, number, ahead.long())


@dataclass(frozen=True, kw_only=True)
class Recommend(Task):
    """Logits (batch, 1) against whether each item was chosen, by cross-entropy.

    He et al. 2017 (arXiv:1708.05031, eq. 7); judged by lists of candidates of which one was chosen.
    How many stars somebody gives is a regression: see Regress.
    """

    headline = "ndcg_at_10"

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are clicks, one an example."""
        if facts.targets != "clicks" or facts.outputs != 1:
            got, do = f"{facts.outputs} {facts.targets}", "use Regress for ratings, or other data"
            raise UserError("targets", got=got, allowed="1 clicks", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return logits (batch, 1)."""
        output: Tensor = network(batch[0])
        return output

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean cross-entropy in nats."""
        del training
        return binary_cross_entropy_with_logits(output, batch[1])

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return hit rate and gain at 10."""
        del facts
        return {"hr_at_10": HitRate(), "ndcg_at_10": Gain()}
