"""Surgical: exactly one block trains."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_choice, require_whole
from harness.strategies.require import require_at_most


@dataclass(frozen=True, kw_only=True)
class Surgical(Strategy):
    """Train block number `block`, from 0, alone (Lee et al. 2022, arXiv:2210.11466).

    The first block suits a change of the inputs, the last one a change of the labels. The head is
    frozen, unless `head`, which a head that was drawn anew needs.
    """

    block: int = 0
    head: bool = False

    def __post_init__(self) -> None:
        require_whole("block", self.block, low=0)
        require_choice("head", self.head, (True, False))

    def plan(self, blocks: int) -> Plan:
        """Return one phase; raise UserError if there is no such block."""
        require_at_most("Surgical.block", self.block, blocks - 1)
        block = Part(select=f"blocks[{self.block}]")
        parts = (Part(select="head"), block) if self.head else (block,)
        return Plan(phases=(Phase(parts=parts),))
