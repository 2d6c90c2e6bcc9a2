"""Interpolation: weights between those of the start and those that a training found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.recipe import Task
from harness.settings import UserError
from harness.start import Base

Weights = Mapping[str, Tensor]
Batches = Iterable[Sequence[Tensor]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Interpolation:
    """What the shares of the trained weights are tried between: `start` lacks a head just drawn."""

    start: Weights
    shares: tuple[float, ...]

    @classmethod
    def of(
        cls, network: nn.Module, shares: tuple[float, ...], base: Base | None
    ) -> "Interpolation | None":
        """Return that of a network at its start, None if no shares are to be tried.

        Raises UserError if the network does not start from anything.
        """
        if not shares:
            return None
        if base is None:
            do = 'start=FromRun(run="…"), or another start'
            raise UserError("start of WiseFT", got=None, allowed="weights to go back to", do=do)
        state = network.state_dict().items()
        start = {n: t.detach().clone() for n, t in state if n not in base.drawn}
        return cls(start=start, shares=shares)

    def best(
        self,
        network: nn.Module,
        trained: Weights,
        *,
        task: Task,
        batches: Batches,
        loss: Callable[[], float],
    ) -> tuple[dict[str, Tensor], float]:
        """Return the weights of the least `loss`, a function of the network, and their share.

        Of equals the larger share. In between the statistics of batch norms are those of
        `batches`: averages of two networks' are those of neither (Izmailov 2018, arXiv:1803.05407).
        """
        found: list[tuple[float, float, dict[str, Tensor]]] = []
        for share in sorted(self.shares, reverse=True):
            network.load_state_dict(self._between(trained, share))
            if 0 < share < 1:
                renew_statistics(network, task, batches)
            weights = {n: t.detach().cpu().clone() for n, t in network.state_dict().items()}
            found.append((loss(), share, weights))
        _, share, weights = min(found, key=lambda each: each[0])
        return weights, share

    def _between(self, trained: Weights, share: float) -> dict[str, Tensor]:
        """Return (1 − share)·start + share·trained; counters, and a head just drawn, as trained."""
        mixed = dict(trained)
        for name, start in self.start.items():
            end = trained[name]
            if end.is_floating_point():
                mixed[name] = torch.lerp(start.to(end), end, share) if share else start.to(end)
        return mixed


@torch.no_grad()
def renew_statistics(network: nn.Module, task: Task, batches: Batches) -> None:
    """Let batch norms forget what they saw and average over `batches`; all else is in eval mode."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for the mean over all batches
        norm.train()
    like = next(network.parameters())
    for batch in batches:
        task.predict(network, [_like(part, like) for part in batch])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def _like(part: Tensor, like: Tensor) -> Tensor:
    return part.to(like.device, like.dtype) if part.is_floating_point() else part.to(like.device)
