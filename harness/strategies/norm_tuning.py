"""NormTuning: the weights and biases of normalisation layers train, with the head."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class NormTuning(Strategy):
    """Train scale and shift of every norm (Frankle et al. 2020, arXiv:2003.00152).

    The batch norms gather new statistics. A model without norms is refused.
    """

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and every norm."""
        del blocks
        return Plan(phases=(Phase(parts=(Part(select="head"), Part(select="kind:norm"))),))
