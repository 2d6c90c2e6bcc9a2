"""LPFT: linear probing, then full fine-tuning from the head that it found."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_range


@dataclass(frozen=True, kw_only=True)
class LPFT(Strategy):
    """Train the head alone, then everything (Kumar et al. 2022, arXiv:2202.10054).

    A fresh head would distort good features before it has learned to use them. `probe` is the share
    of all epochs in which only the head trains; `factor` is on the learning rate thereafter.
    """

    probe: float = 0.5
    factor: float = 1.0

    def __post_init__(self) -> None:
        require_range("probe", self.probe, low=0, high=1, exclusive=True)
        require_range("factor", self.factor, low=0, exclusive=True)

    def plan(self, blocks: int) -> Plan:
        """Return two phases: the head, all."""
        del blocks
        probe = Phase(parts=(Part(select="head"),), share=self.probe)
        return Plan(phases=(probe, Phase(parts=(Part(select="all", factor=self.factor),))))
