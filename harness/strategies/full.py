"""Full: everything trains, at the recipe's own learning rate."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class Full(Strategy):
    """Train every parameter of the network, frozen before or not; a tied tensor is in once."""

    def plan(self, blocks: int) -> Plan:
        """Return one phase in which all trains."""
        del blocks
        return Plan(phases=(Phase(parts=(Part(select="all"),)),))
