"""L2SP: everything trains, held near the weights that it starts from."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.phases import Held, Part, Phase, Plan, Pull
from harness.recipe import Recipe, Strategy
from harness.settings import require_range


@dataclass(frozen=True, kw_only=True)
class L2SP(Strategy):
    """Add weight/2·‖w − w0‖² over all but the head (Li et al. 2018, arXiv:1802.01483).

    w0 are the weights at step 0. The head has no starting point worth keeping.
    """

    weight: float = 0.01

    def __post_init__(self) -> None:
        require_range("weight", self.weight, low=0)

    def plan(self, blocks: int) -> Plan:
        """Return one phase in which all trains, held at the start."""
        del blocks
        parts = (Part(select="head"), Part(select="all", optional=True))
        return Plan(phases=(Phase(parts=parts),), held=_Near(weight=self.weight))


@dataclass(frozen=True, kw_only=True)
class _Near(Held):
    weight: float

    def begin(
        self, network: nn.Module, body: Mapping[str, nn.Parameter], source: Recipe | None
    ) -> Pull:
        """Remember where the body starts."""
        del network, source
        start = [(p, p.detach().clone()) for p in body.values()]

        def pull() -> Tensor:
            return (
                self.weight
                / 2
                * torch.stack([(p - w.to(p)).square().sum() for p, w in start]).sum()
            )

        return pull
