"""WiseFT: fine-tuning, then a step back towards the weights that it started from."""

from dataclasses import dataclass, field, replace

from harness.phases import Plan
from harness.recipe import Strategy
from harness.settings import UserError, require_whole
from harness.strategies.full import Full


@dataclass(frozen=True, kw_only=True)
class WiseFT(Strategy):
    """Train as `of` says, then take (1 − a)·w0 + a·w (Wortsman 2022, arXiv:2109.01903).

    w0 are the weights at the start, w the best of the training, and a is one of 0, 1/steps, …, 1:
    the one of the best validation score, of equals the largest. A head that was drawn anew stays
    as trained. Batch norms gather their statistics anew. The recipe must have a start.
    """

    of: Strategy = field(default_factory=Full)
    steps: int = 10

    def __post_init__(self) -> None:
        of: object = self.of
        if not isinstance(of, Strategy):
            do = "pass of=Full() or another strategy"
            raise UserError("WiseFT.of", got=of, allowed="a strategy", do=do)
        require_whole("steps", self.steps)

    def plan(self, blocks: int) -> Plan:
        """Return the phases of `of`; raise UserError if it has an adapter."""
        plan = self.of.plan(blocks)
        if plan.adapter is not None:
            do = "use Full or another strategy that trains the model's own weights"
            got = type(self.of).__name__
            raise UserError("WiseFT.of", got=got, allowed="one without adapters", do=do)
        shares = tuple(step / self.steps for step in range(self.steps + 1))
        return replace(plan, shares=shares)
