"""Answer: what a study's trials say about its question, in sentences, with what limits them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas

from harness.compare import Comparison, cell_table, comparisons
from harness.plots import pareto, tuning
from harness.plots.style import decimals, written
from harness.record import Record, caveats, listed, progress
from harness.statistics.intervals import SMALLEST_INTERVAL
from harness.statistics.power import SIGNIFICANCE, SMALLEST_CLAIM, seeds_needed
from harness.statistics.tuning import expected_best

OUTCOMES = (
    ("better", "wins"),
    ("worse", "loses"),
    ("interval only", "has an interval but no claim"),
    ("too few seeds", "lacks seeds"),
    ("cannot tell", "cannot be told apart"),
)
"""What a combination of held values counts as: the first that holds for any of its levels."""


@dataclass(frozen=True)
class Answer:
    """The answer's sentences, the first of which is the whole in short; caveats; one row a cell."""

    sentences: tuple[str, ...]
    caveats: tuple[str, ...]
    table: pandas.DataFrame


def answer(record: Record) -> Answer:
    """Answer the study's question as far as its trials allow; an empty record gives an answer too.

    A designed study compares each level of `study.compared` with the first one listed, within
    each combination of the other scientific values, by pairs of equal confirm seeds, corrected
    over all comparisons. An ordinary search reports its best trial, or its Pareto front.
    """
    if not record.study.scientific:
        trials = pareto.numbers(record)
        table = trials[trials["front"].astype(bool)].drop(columns="front")
        sentences = _search_sentences(record, table)
    else:
        compared = comparisons(record)
        table = cell_table(record, compared)
        sentences = _sentences(record, compared)
    return Answer(tuple(sentences), (*caveats(record), *_edges(record)), table)


def _sentences(record: Record, compared: list[Comparison]) -> Iterator[str]:
    if not compared:
        yield f"Nothing to compare: {record.study.compared} has one level."
        return
    strata = {
        one.stratum: [two for two in compared if two.stratum == one.stratum] for one in compared
    }
    words = Words(record, len(compared))
    yield words.overall(strata)
    if any(one.paired.n >= SMALLEST_INTERVAL for one in compared):
        for members in strata.values():
            yield words.stratum(members)


@dataclass(frozen=True)
class Words:
    """How comparisons on the answer's metric are said: in points where it is a share of one."""

    record: Record
    family: int
    """The number of comparisons that are corrected together."""

    @property
    def factor(self) -> int:
        """100 for a share in [0, 1] of which more is better, 1 for all else."""
        metric = self.record.answer_metric
        values = self.record.column(metric).dropna()
        share = self.record.larger_is_better(metric) and bool(values.between(0, 1).all())
        return 100 if share else 1

    def amount(self, one: Comparison, *, signed: bool = False) -> str:
        """Return the gain (signed: level − reference) ± half its interval's width, and the unit."""
        value = one.paired.mean if signed else abs(one.gain)
        half = one.paired.half_width * self.factor
        digits = decimals(half)
        name = self.record.answer_metric.partition("/")[2] or self.record.answer_metric
        unit = f"points of {name}" if self.factor == 100 else f"in {name}"
        unit += "" if self.factor == 100 or not signed else f" ({self._direction} is better)"
        number = f"{value * self.factor:{'+' if signed else ''}.{digits}f}".replace("-", "−")
        return f"{number} ± {half:.{digits}f} {unit}"

    @property
    def _direction(self) -> str:
        return "higher" if self.record.larger_is_better(self.record.answer_metric) else "lower"

    def evidence(self, one: Comparison) -> str:
        """Return the split, the pairs and, where a claim is possible, the corrected p-value."""
        split = self.record.answer_metric.partition("/")[0].replace("val", "validation")
        if one.verdict == "interval only":
            return f"({split}, {one.paired.n} paired seeds: an interval, no claim)"
        return f"({split}, {one.paired.n} paired seeds, Holm-corrected {p_written(one.p)})"

    def stratum(self, members: list[Comparison]) -> str:
        """Say what holds at one combination of the values held equal."""
        best = max(members, key=lambda one: (one.verdict == "better", one.gain))
        at = f"At {best.stratum}: " if best.stratum else ""
        losers = [one for one in members if one.verdict == "worse"]
        if best.verdict == "better":
            said = (
                f"{best.level} beats {best.reference} by {self.amount(best)} {self.evidence(best)}"
            )
        elif losers:
            worst = min(losers, key=lambda one: one.gain)
            said = f"{worst.reference} beats {worst.level} by {self.amount(worst)}"
            said += f" {self.evidence(worst)}, and no level is shown to beat it"
        elif best.verdict == "too few seeds":
            said = f"no interval yet, {best.paired.n} of {self.record.study.seeds} paired seeds"
        else:
            said = f"{best.level} against {best.reference} is {self.amount(best, signed=True)}"
            said += f" {self.evidence(best)}"
            if best.verdict == "cannot tell":
                said = f"cannot tell: {said}; it needs {self.more_seeds(best)}"
        return f"{at}{said}."

    def more_seeds(self, one: Comparison) -> str:
        """Return how many more seeds would make the corrected interval exclude zero."""
        alpha = SIGNIFICANCE / self.family
        needed = seeds_needed(one.paired.mean, one.paired.deviation, alpha)
        if needed is None:
            return "more than 1,000 more seeds"
        more = max(needed, SMALLEST_CLAIM) - one.paired.n
        return f"about {max(more, 1)} more seed{'s' if more > 1 else ''}"

    def overall(self, strata: dict[str, list[Comparison]]) -> str:
        """Answer the question in one sentence, or say why there is no answer yet."""
        every = [one for members in strata.values() for one in members]
        largest = max(every, key=lambda one: -1 if math.isnan(one.gain) else abs(one.gain))
        at = f" at {largest.stratum}" if largest.stratum else ""
        if all(one.verdict == "too few seeds" for one in every):
            few = f"{largest.paired.n} paired seeds are too few for an interval"
            return f"No answer yet: {few if largest.paired.n else progress(self.record)}."
        if all(one.paired.n < SMALLEST_CLAIM for one in every):
            most = max(one.paired.n for one in every)
            return (
                f"No claim yet: with at most {most} paired seeds this is an exploration (a claim "
                f"needs {SMALLEST_CLAIM}). Largest observed difference: {largest.level} "
                f"against {largest.reference}{at}, {self.amount(largest, signed=True)}."
            )
        return self._count(strata) + self._largest(every)

    def _count(self, strata: dict[str, list[Comparison]]) -> str:
        groups = list(strata.values())
        held = [name for name in self.record.study.scientific if name != self.record.study.compared]
        where = f"{'values' if len(held) == 1 else 'combinations'} of {' and '.join(held)}"
        if len(groups) == 1:
            groups, where = [[one] for one in groups[0]], "comparisons"
        found = [_outcome(members) for members in groups]
        *counts, last = [
            f"{phrase} in {found.count(kind)}" for kind, phrase in OUTCOMES if found.count(kind)
        ]
        counted = f"{', '.join(counts)} and {last}" if counts else last
        other, reference = self._levels(groups[0][0])
        return f"Against {reference}, {other} {counted} of {len(groups)} {where}."

    def _levels(self, one: Comparison) -> tuple[str, str]:
        name = str(self.record.study.compared)
        levels = self.record.study.scientific[name]
        numbers = [level for level in levels if isinstance(level, int | float)]
        kind = "another"
        if len(numbers) == len(levels):
            kind = "a larger" if numbers[0] == min(numbers) else kind
            kind = "a smaller" if numbers[0] == max(numbers) else kind
        return f"{kind} {name}", one.reference

    def _largest(self, every: list[Comparison]) -> str:
        claimed = [one for one in every if one.verdict in ("better", "worse")]
        if not claimed:
            return ""
        one = max(claimed, key=lambda one: abs(one.gain))
        at = f" at {one.stratum}" if one.stratum else ""
        return (
            f" The largest effect: {one.level} is {one.verdict} than {one.reference}{at} "
            f"by {self.amount(one)}."
        )


def _outcome(members: list[Comparison]) -> str:
    verdicts = {one.verdict for one in members}
    return next((kind for kind, _ in OUTCOMES if kind in verdicts), "too few seeds")


def p_written(p: float) -> str:
    """Return "p = .02" or "p < .001"."""
    return "p < .001" if p < 0.001 else f"p = {p:.2g}".replace("0.", ".", 1)


def _edges(record: Record) -> Iterator[str]:
    for name, cells in tuning.edges(record).items():
        bounds = record.bounds[name]
        where = listed([f"{side} in {cell}" for cell, side in cells.items()])
        yield (
            f"The best {name} is at the edge of its range, {written(bounds.low)} to "
            f"{written(bounds.high)}, and may lie beyond it: {where}."
        )


def _search_sentences(record: Record, best: pandas.DataFrame) -> Iterator[str]:
    finished = record.ranked()
    objectives = record.study.objectives
    counts = record.tuned["status"].value_counts()
    of = ", ".join(f"{number} {status}" for status, number in counts.items()) or "none started"
    if not len(best):
        yield f"No answer yet: no trial has finished ({of})."
        return
    if len(objectives) > 1:
        trials = ", ".join(str(trial) for trial in best["trial"])
        yield (
            f"{len(best)} of {len(finished)} finished trials are on the Pareto front of "
            f"{' and '.join(objectives)}: trial{'s' if len(best) > 1 else ''} {trials}."
        )
    else:
        values = [
            f"{name} {written(best[name].iloc[0])}"
            for name in best.columns[1:]
            if name in (objectives[0], record.shown_metric)
        ]
        yield (
            f"Trial {best['trial'].iloc[0]} is the best of {len(finished)} finished trials: "
            f"{', '.join(values)}."
        )
        if record.study.sampler in ("random", "qmc") and len(finished) > 1:
            yield _half_as_many(record, finished[objectives[0]].to_list())
    yield f"Trials: {of}. They are single runs: a claim needs fresh seeds or a designed study."


def _half_as_many(record: Record, values: list[float]) -> str:
    better = record.larger_is_better(record.study.objectives[0])
    expected = expected_best(values, len(values) // 2, larger_is_better=better)
    return f"Half as many such trials would be expected to reach {written(expected)}."
