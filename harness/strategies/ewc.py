"""EWC: everything trains, and what the source task needs most is held the most."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.phases import Held, Part, Phase, Plan, Pull
from harness.recipe import Recipe, Strategy
from harness.settings import UserError, require_range, require_whole

Fisher = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class EWC(Strategy):
    """Add weight/2·Σ F·(w − w0)² over all but the head (Kirkpatrick 2017, arXiv:1612.00796).

    F is the diagonal of the Fisher information of the source task at w0: the mean square of the
    gradient of log p(y|x) over `samples` of its training examples, with y drawn from the network's
    own p and not the true label (Kunstner 2019, arXiv:1905.12558), in eval mode. The recipe must
    start from a run of classification, whose data are read again.
    """

    weight: float = 100.0
    samples: int = 200

    def __post_init__(self) -> None:
        require_range("weight", self.weight, low=0)
        require_whole("samples", self.samples)

    def plan(self, blocks: int) -> Plan:
        """Return one phase in which all trains, held by the Fisher information."""
        del blocks
        parts = (Part(select="head"), Part(select="all", optional=True))
        return Plan(phases=(Phase(parts=parts),), held=_Elastic(strategy=self))


@dataclass(frozen=True, kw_only=True)
class _Elastic(Held):
    strategy: EWC

    def require(self, source: Recipe | None) -> None:
        """Raise UserError unless the source task is a classification."""
        _classification(source)

    def begin(
        self, network: nn.Module, body: Mapping[str, nn.Parameter], source: Recipe | None
    ) -> Pull:
        """Remember where the body starts, and measure what its source task needs of it."""
        fisher = fisher_information(network, body, source, samples=self.strategy.samples)
        start = [(p, p.detach().clone(), fisher[name]) for name, p in body.items()]

        def pull() -> Tensor:
            terms = [(f.to(p) * (p - w.to(p)).square()).sum() for p, w, f in start]
            return self.strategy.weight / 2 * torch.stack(terms).sum()

        return pull


def fisher_information(
    network: nn.Module, body: Mapping[str, nn.Parameter], source: Recipe | None, *, samples: int
) -> Fisher:
    """Return the diagonal of the Fisher information for each tensor of `body`.

    Takes no random number from a global generator, and leaves the network as it was. Raises
    UserError if there is no source task, or it is no classification.
    """
    source = _classification(source)
    generator = torch.Generator().manual_seed(0)
    modes = {module: module.training for module in network.modules()}
    total = {name: torch.zeros_like(parameter) for name, parameter in body.items()}
    network.eval()
    inputs = _examples(source, samples)
    for example in inputs:
        logits = source.task.predict(network, (example[None],))[0].log_softmax(-1)
        label = torch.multinomial(logits.detach().exp(), 1, generator=generator)
        gradients = torch.autograd.grad(logits[label].sum(), list(body.values()), allow_unused=True)
        for name, gradient in zip(body, gradients, strict=True):
            total[name] += 0 if gradient is None else gradient.square()
    for module, training in modes.items():
        module.training = training
    return {name: value / len(inputs) for name, value in total.items()}


def _classification(source: Recipe | None) -> Recipe:
    if source is None or source.data.facts().targets != "classes":
        got = "none" if source is None else source.data.facts().targets
        do = 'start=FromRun(run="…") of a classification'
        raise UserError("EWC's source task", got=got, allowed="classes", do=do)
    return source


def _examples(source: Recipe, samples: int) -> Tensor:
    loader = source.data.build(seed=source.seed, batch_size=samples).train_dataloader()
    batch: Tensor = next(iter(loader))[0]
    return batch
