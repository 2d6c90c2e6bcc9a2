"""Full: everything trains, at the recipe's own learning rate."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class Full(Strategy):
    """Train every parameter of the network, frozen before or not; a tied tensor is in once."""

    def groups(self, network: nn.Module) -> Mapping[str, tuple[list[nn.Parameter], float]]:
        """Return {"all": (every unique parameter, 1.0)}, each of which then requires a gradient."""
        parameters = list(network.parameters())
        for parameter in parameters:
            parameter.requires_grad_(True)
        return {"all": (parameters, 1.0)}
