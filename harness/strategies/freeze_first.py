"""FreezeFirst: the classic: the first blocks are frozen, all that follows trains."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_whole
from harness.strategies.require import require_at_most


@dataclass(frozen=True, kw_only=True)
class FreezeFirst(Strategy):
    """Freeze what precedes the blocks and the first `count` (Yosinski 2014, arXiv 1411.1792).

    With all blocks frozen what follows them still trains, unlike in a LinearProbe.
    """

    count: int = 1

    def __post_init__(self) -> None:
        require_whole("count", self.count)

    def plan(self, blocks: int) -> Plan:
        """Return one phase; raise UserError if there are fewer blocks."""
        require_at_most("FreezeFirst.count", self.count, blocks)
        tail = Part(select="tail", optional=True)
        rest = Part(select=f"blocks[{self.count}:]", optional=True)
        return Plan(phases=(Phase(parts=(Part(select="head"), tail, rest)),))
