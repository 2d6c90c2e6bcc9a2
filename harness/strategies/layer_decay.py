"""LayerDecay: everything trains, the lower a block the slower."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_range


@dataclass(frozen=True, kw_only=True)
class LayerDecay(Strategy):
    """Multiply the learning rate by `decay` for every block further down (Clark 2020, BEiT 2021).

    The head, and what lies between it and the blocks, train at the full rate, the last of L blocks
    at decay, the first at decay^L, what precedes the blocks at decay^(L+1). Usual: .65 to .75 for
    vision transformers (arXiv:2106.08254), .8 to .95 for text encoders (arXiv:2003.10555).
    """

    decay: float = 0.75

    def __post_init__(self) -> None:
        require_range("decay", self.decay, low=0, high=1.000001, exclusive=True)

    def plan(self, blocks: int) -> Plan:
        """Return one phase."""
        body = [
            Part(select=f"blocks[-{depth}]", factor=self.decay**depth)
            for depth in range(1, blocks + 1)
        ]
        tail = Part(select="tail", optional=True)
        stem = Part(select="stem", factor=self.decay ** (blocks + 1), optional=True)
        return Plan(phases=(Phase(parts=(Part(select="head"), tail, *body, stem)),))
