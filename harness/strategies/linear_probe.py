"""LinearProbe: the head alone trains, on what a frozen body computes."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class LinearProbe(Strategy):
    """Train the head on frozen features (Alain & Bengio 2016, arXiv:1610.01644).

    The body is in eval mode, so that its features are the same in every epoch. Of d features and C
    classes d·C + C parameters train.
    """

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head."""
        del blocks
        return Plan(phases=(Phase(parts=(Part(select="head"),)),))
