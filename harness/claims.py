"""Claims: what a study sets out to show, fixed before its first trial.

A claim that was added later, or a look at more seeds, is not forbidden, but it is said: the
registration of a study remembers what was claimed when.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.settings import UserError, require_choice

Value = bool | int | float | str
Cell = Mapping[str, Value]
Expectation = Literal["different", "better", "worse", "equal"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Level `a` of a scientific value is different from, better or worse than, or equal to `b`.

    `at` fixes other scientific values; the claim is made anew for each combination of the rest.
    `compare` is the study's compared value and `metric` its answer unless given. "equal" means
    closer than `margin`, in the metric's unit; the other expectations are tested two-sided.
    """

    a: Value
    b: Value
    at: Cell = field(default_factory=dict)
    compare: str | None = None
    metric: str | None = None
    expect: Expectation = "different"
    margin: float | None = None

    def __post_init__(self) -> None:
        require_choice("claim expect", self.expect, ("different", "better", "worse", "equal"))
        if self.a == self.b:
            raise UserError("claim", got=(self.a, self.b), allowed="two levels", do="correct b")
        margin = self.margin
        if (self.expect == "equal") != (margin is not None and 0 < margin < math.inf):
            do = 'give margin= exactly when expect="equal"'
            raise UserError("claim margin", got=margin, allowed="a number above 0", do=do)

    def check(self, scientific: Mapping[str, tuple[Value, ...]], compared: str) -> None:
        """Raise UserError if the claim names a value or a level that the study does not have."""
        name = self.compare or compared
        require_choice("claim compare", name, list(scientific))
        require_choice("claim a", self.a, scientific[name])
        require_choice("claim b", self.b, scientific[name])
        for other, level in self.at.items():
            require_choice("claim at", other, [key for key in scientific if key != name])
            require_choice(f"claim at {other}", level, scientific[other])


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One claim at one combination of the values held equal: two cells to compare."""

    compare: str
    a: Value
    b: Value
    held: Cell
    first: Cell
    """The cell of level a; `second` is that of level b."""
    second: Cell
    metric: str | None
    expect: Expectation
    margin: float | None

    @property
    def key(self) -> str:
        """What is claimed, in one line: by it a registration knows the claim again."""
        held = ", ".join(f"{name}={value}" for name, value in self.held.items())
        within = f" within {self.margin:g}" if self.margin is not None else ""
        return (
            f"{self.compare}={self.a} against {self.compare}={self.b} at {held or 'all'}: "
            f"{self.expect}{within} in {self.metric or 'the headline metric'}"
        )


def contrasts(
    claims: Sequence[Claim],
    scientific: Mapping[str, tuple[Value, ...]],
    compared: str,
    answer: str | None,
) -> list[Contrast]:
    """Return every claim at every combination it is made for, each once, in the claims' order."""
    found = [each for claim in claims for each in _contrasts(claim, scientific, compared, answer)]
    return list({each.key: each for each in found}.values())


def every_level(scientific: Mapping[str, tuple[Value, ...]], compared: str) -> tuple[Claim, ...]:
    """Return the claims of a study that states none: each level differs from the first."""
    first, *others = scientific[compared]
    return tuple(Claim(a=level, b=first) for level in others)


def _contrasts(
    claim: Claim,
    scientific: Mapping[str, tuple[Value, ...]],
    compared: str,
    answer: str | None,
) -> Iterator[Contrast]:
    compare = claim.compare or compared
    free = [
        (claim.at[name],) if name in claim.at else levels
        for name, levels in scientific.items()
        if name != compare
    ]
    names = [name for name in scientific if name != compare]
    for values in itertools.product(*free):
        held = dict(zip(names, values, strict=True))
        first, second = (
            {name: held.get(name, level) for name in scientific} for level in (claim.a, claim.b)
        )
        yield Contrast(
            compare=compare,
            a=claim.a,
            b=claim.b,
            held=held,
            first=first,
            second=second,
            metric=claim.metric or answer,
            expect=claim.expect,
            margin=claim.margin,
        )


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What was claimed when: {claim's key: trials that had ended by then}, and seeds asked for."""

    claims: Mapping[str, int] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()

    def extended(self, keys: Sequence[str], seeds: int, seen: int) -> "Registration":
        """Return it with what is new; what was there keeps its date."""
        claims = dict.fromkeys(keys, seen) | dict(self.claims)
        known = seeds in self.seeds
        return Registration(claims=claims, seeds=self.seeds if known else (*self.seeds, seeds))
