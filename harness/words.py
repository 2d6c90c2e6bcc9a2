"""Words: how a comparison is said, in points where its metric is a share of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.audits import Edges, audits, spoken
from harness.comparisons import Comparison
from harness.plots.style import decimals, p_written, written
from harness.record import BUDGET_NAMES, Record
from harness.statistics.power import (
    SIGNIFICANCE,
    SMALLEST_CLAIM,
    seeds_for_equivalence,
    seeds_needed,
)


@dataclass(frozen=True)
class Words:
    """How one comparison of a record is said."""

    record: Record
    one: Comparison

    @property
    def a(self) -> str:
        """The level that is compared, as in "depth 4"."""
        return spoken(self.one.contrast.compare, self.one.contrast.a)

    @property
    def b(self) -> str:
        """The level that it is compared with."""
        return spoken(self.one.contrast.compare, self.one.contrast.b)

    @property
    def at(self) -> str:
        """The values held equal: " at 8,000 parameters, trunk plain", or nothing."""
        said = ", ".join(spoken(name, value) for name, value in self.one.contrast.held.items())
        return f" at {said}" if said else ""

    def sentence(self, edges: Edges) -> str:
        """Say what holds, its evidence, when it was claimed, and what speaks against it."""
        at = f"At{self.at.removeprefix(' at')}: " if self.at else ""
        late = f" Claimed after {self.one.seen} trials were seen." if self.one.seen else ""
        unexpected = "" if self.one.expected else f" Expected was: {self.one.contrast.expect}."
        said = self.one.verdict != "too few seeds"
        against = "; ".join(audits(self.record, self.one, edges)) if said else ""
        audit = f" But {against}." if against else ""
        return f"{at}{self._said()}.{unexpected}{late}{audit}"

    def _said(self) -> str:
        one = self.one
        signed = f"{self.a} against {self.b} is {self.amount(signed=True)} {self.evidence()}"
        beats = "beat" if one.contrast.compare in BUDGET_NAMES else "beats"
        match one.verdict:
            case "better":
                return f"{self.a} {beats} {self.b} by {self.amount()} {self.evidence()}"
            case "worse":
                return f"{self.b} {beats} {self.a} by {self.amount()} {self.evidence()}"
            case "equal":
                return f"no difference larger than {self.margin}: {signed}"
            case "not equal":
                return f"a difference larger than {self.margin}: {signed}"
            case "cannot tell" if one.contrast.margin is not None:
                return f"cannot tell if the difference is within {self.margin}: {signed}{self.more}"
            case "cannot tell":
                return f"cannot tell: {signed}{self.more}"
            case "too few seeds":
                return f"no interval yet, {one.paired.n} of {self.record.study.seeds} paired seeds"
            case _:
                return signed

    def amount(self, *, signed: bool = False) -> str:
        """Return the gain (signed: a − b) ± half its interval's width, and the unit."""
        paired = self.one.paired
        value = paired.mean if signed else abs(self.one.gain)
        half = paired.half_width * self._factor
        rounded = round(value * self._factor, decimals(half)) + 0.0  # −0.0 + 0.0 is 0.0
        number = f"{rounded:{'+' if signed else ''}.{decimals(half)}f}"
        better = f" ({self._direction} is better)" if signed and self._factor == 1 else ""
        return f"{number.replace('-', '−')} ± {half:.{decimals(half)}f} {self._unit}{better}"

    def evidence(self) -> str:
        """Return the split, the pairs, the test, and the corrected p-value of a claim."""
        one = self.one
        split = one.metric.partition("/")[0].replace("val", "validation")
        pairs = f"{split}, {one.paired.n} paired seeds"
        if one.verdict == "interval only":
            return f"({pairs}: an interval, no claim)"
        test = "equivalence test, " if one.contrast.margin is not None else ""
        return f"({pairs}, {test}Holm-corrected {p_written(one.p)})"

    @property
    def margin(self) -> str:
        """The claim's margin with its unit."""
        return in_unit(self.record, self.one.metric, self.one.contrast.margin or 0.0)

    @property
    def more(self) -> str:
        """How many more seeds would show it in four of five runs, if it is what it looks like."""
        one, paired = self.one, self.one.paired
        alpha = SIGNIFICANCE / one.family
        margin = one.contrast.margin
        if margin is not None and abs(paired.mean) >= margin:
            return ""
        needed = (
            seeds_needed(paired.mean, paired.deviation, alpha)
            if margin is None
            else seeds_for_equivalence(paired.mean, paired.deviation, margin, alpha)
        )
        if needed is None:
            return "; it needs more than 1,000 seeds"
        more = max(max(needed, SMALLEST_CLAIM) - paired.n, 1)
        return f"; it needs about {more} more seed{'s' * (more > 1)}"

    @property
    def _factor(self) -> int:
        return factor(self.record, self.one.metric)

    @property
    def _unit(self) -> str:
        name = self.one.metric.partition("/")[2] or self.one.metric
        return f"points of {name}" if self._factor == 100 else f"in {name}"

    @property
    def _direction(self) -> str:
        return "higher" if self.record.larger_is_better(self.one.metric) else "lower"


def factor(record: Record, metric: str) -> int:
    """Return 100 for a share in [0, 1] of which more is better, 1 for all else."""
    share = record.larger_is_better(metric) and record.column(metric).dropna().between(0, 1).all()
    return 100 if share else 1


def in_unit(record: Record, metric: str, value: float) -> str:
    """Return a value of a metric as said: "1 point of accuracy", "0.02 in loss"."""
    name = metric.partition("/")[2] or metric
    said = written(value * factor(record, metric))
    if factor(record, metric) == 1:
        return f"{said} in {name}"
    return f"{said} point{'s' * (said != '1')} of {name}"


def counted(record: Record, planned: Sequence[Comparison]) -> str:
    """Return how often each claim came to which verdict, over the values held equal."""
    groups: dict[tuple[object, ...], list[Comparison]] = {}
    for one in planned:
        claim = one.contrast
        key = (claim.compare, claim.a, claim.b, claim.expect, claim.margin, claim.metric)
        groups.setdefault(key, []).append(one)
    said = "; ".join(_counted(record, members) for members in groups.values())
    return f"{said[:1].upper()}{said[1:]}."


def _counted(record: Record, members: Sequence[Comparison]) -> str:
    words = Words(record, members[0])
    contrast = members[0].contrast
    within = "" if contrast.margin is None else f" within {words.margin}"
    verdicts = [one.verdict for one in members]
    if len(members) == 1:
        return f"{words.a} against {words.b}{within}{words.at}: {verdicts[0]}"
    counts = [f"{kind} in {verdicts.count(kind)}" for kind in dict.fromkeys(verdicts)]
    varied = [
        name for name in contrast.held if len({one.contrast.held[name] for one in members}) > 1
    ]
    where = f"{'values' if len(varied) == 1 else 'combinations'} of {' and '.join(varied)}"
    return f"{words.a} against {words.b}{within}: {', '.join(counts)} of {len(members)} {where}"
