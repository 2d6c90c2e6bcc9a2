"""TopBlocks: the last blocks train, with the head."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_whole
from harness.strategies.require import require_at_most


@dataclass(frozen=True, kw_only=True)
class TopBlocks(Strategy):
    """Train the last `count` blocks, what follows them, and the head; freeze the rest."""

    count: int = 1

    def __post_init__(self) -> None:
        require_whole("count", self.count)

    def plan(self, blocks: int) -> Plan:
        """Return one phase; raise UserError if there are fewer blocks."""
        require_at_most("TopBlocks.count", self.count, blocks)
        tail = Part(select="tail", optional=True)
        parts = (Part(select="head"), tail, Part(select=f"blocks[-{self.count}:]"))
        return Plan(phases=(Phase(parts=parts),))
