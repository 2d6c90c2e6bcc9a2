"""GradualUnfreeze: from the head down, one block more in every phase."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy
from harness.settings import require_range, require_whole


@dataclass(frozen=True, kw_only=True)
class GradualUnfreeze(Strategy):
    """Thaw a block more every `epochs` epochs, each at a lower rate (Howard & Ruder 2018).

    ULMFiT (arXiv:1801.06146, §3.3): the first phase trains the head; each following one the next
    block as well, from the last to the first, with what precedes the blocks in the last phase. The
    learning rate of a block is that of the one above divided by `decay`, 2.6 in the paper.
    """

    decay: float = 2.6
    epochs: int = 1

    def __post_init__(self) -> None:
        require_range("decay", self.decay, low=1)
        require_whole("epochs", self.epochs)

    def plan(self, blocks: int) -> Plan:
        """Return blocks + 1 phases."""
        parts = [Part(select="head")]
        phases = [self._phase(parts, last=blocks == 0)]
        for depth in range(1, blocks + 1):
            if depth == 1:
                parts.append(Part(select="tail", optional=True))
            parts.append(Part(select=f"blocks[-{depth}]", factor=self.decay**-depth))
            if depth == blocks:
                factor = self.decay ** -(blocks + 1)
                parts.append(Part(select="stem", factor=factor, optional=True))
            phases.append(self._phase(parts, last=depth == blocks))
        return Plan(phases=tuple(phases))

    def _phase(self, parts: list[Part], *, last: bool) -> Phase:
        return Phase(parts=tuple(parts), epochs=None if last else self.epochs)
