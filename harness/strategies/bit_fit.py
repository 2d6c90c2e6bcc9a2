"""BitFit: every bias trains, with the head."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class BitFit(Strategy):
    """Train all biases, those of norms included (Ben Zaken et al. 2021, arXiv:2106.10199).

    A model without a bias below its head is refused.
    """

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and every bias."""
        del blocks
        return Plan(phases=(Phase(parts=(Part(select="head"), Part(select="bias"))),))
