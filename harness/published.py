"""Published: a result from the literature, and what of ours must come out for it to hold here.

The bound is written in the study before it runs; what is seen afterwards cannot move it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.settings import UserError, require_choice, require_range

Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Published:
    """`says`, by `source`; `figures` are its own or a pilot's; ours is a number of each seed.

    It is the mean of `metric` over the levels `of` of the study's one scientific value, less that
    over `against` if given, or divided by it with `ratio`. It must be `at_least` or `at_most` a
    bound: in the mean over seeds, or with `share` in at least that share of the seeds.
    """

    says: str
    source: str
    figures: str
    metric: str
    of: tuple[Value, ...]
    against: tuple[Value, ...] = ()
    ratio: bool = False
    at_least: float | None = None
    at_most: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            got, do = (self.at_least, self.at_most), "give at_least= or at_most="
            raise UserError("published bound", got=got, allowed="one of two", do=do)
        if not self.of or (self.ratio and not self.against):
            do = "name the levels in of=, and for a ratio in against="
            raise UserError("published levels", got=(self.of, self.against), allowed="some", do=do)
        if self.share is not None:
            require_range("published share", self.share, low=0, high=1.000001, exclusive=True)

    def check(self, scientific: Mapping[str, Sequence[Value]]) -> None:
        """Raise UserError unless the study has one scientific value with these levels."""
        if len(scientific) != 1:
            do = "make the levels those of one scientific value"
            raise UserError("published results", got=list(scientific), allowed="one value", do=do)
        (levels,) = scientific.values()
        for level in (*self.of, *self.against):
            require_choice("published level", level, list(levels))

    @property
    def bound(self) -> float:
        """The number that must be reached, or not be passed."""
        return float(self.at_least if self.at_least is not None else self.at_most or 0.0)

    @property
    def tolerance(self) -> str:
        """What must come out, in words."""
        what = "÷" if self.ratio else "−"
        left, right = (_side(side) for side in (self.of, self.against))
        sides = f"{left} {what} {right}" if right else left
        sign = "≥" if self.at_least is not None else "≤"
        often = f" in {self.share:.0%} of the seeds" if self.share is not None else ""
        return f"{self.metric}: {sides} {sign} {self.bound:g}{often}"

    @property
    def key(self) -> str:
        """What is expected, in one line: by it a registration knows the result again."""
        return f"{self.says}: {self.tolerance}"

    def met(self, value: float) -> bool:
        """Say whether a number is on the right side of the bound."""
        return value >= self.bound if self.at_least is not None else value <= self.bound

    def effect(self, of: Sequence[float], against: Sequence[float]) -> float:
        """Return one seed's number out of its values at the levels of both sides."""
        left = sum(of) / len(of)
        if not against:
            return left
        right = sum(against) / len(against)
        if not self.ratio:
            return left - right
        return left / right if right else math.inf


def _side(levels: Sequence[Value]) -> str:
    names = ", ".join(map(str, levels))
    return f"mean({names})" if len(levels) > 1 else names
