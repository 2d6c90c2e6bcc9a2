"""Answer: what a study's trials say about its question, in sentences, with what limits them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas

from harness import reproduction
from harness.caveats import caveats, progress
from harness.comparisons import Comparison, cell_table, comparisons
from harness.findings import findings
from harness.plots import pareto, tuning
from harness.plots.listing import Listing
from harness.plots.style import written
from harness.record import Record
from harness.statistics.intervals import SMALLEST_INTERVAL
from harness.statistics.power import SMALLEST_CLAIM
from harness.statistics.tuning import expected_best
from harness.words import Words, counted


@dataclass(frozen=True)
class Answer:
    """The answer's sentences, the first of which is the whole in short; caveats; tables.

    `table` has one row a cell, or one a trial in an ordinary search.
    """

    sentences: tuple[str, ...]
    caveats: tuple[str, ...]
    table: pandas.DataFrame
    listings: tuple[Listing, ...]


def answer(record: Record) -> Answer:
    """Answer the study's question as far as its trials allow; an empty record gives an answer too.

    A designed study is answered claim by claim (`Study.claims`, by default each level of the
    compared value against the first), in pairs of equal confirm seeds, corrected over all claims;
    what else it compares is exploratory. An ordinary search reports its best trial, or its front.
    """
    if not record.study.scientific:
        trials = pareto.numbers(record)
        table = trials[trials["front"].astype(bool)].drop(columns="front")
        sentences, compared = _search_sentences(record, table), []
    else:
        compared = comparisons(record)
        table = cell_table(record, compared)
        sentences = _sentences(record, compared)
    listings = tuple(findings(record, compared))
    return Answer(tuple(sentences), tuple(caveats(record)), table, listings)


def _sentences(record: Record, compared: list[Comparison]) -> Iterator[str]:
    if record.study.published:
        yield from reproduction.sentences(record)
        return
    planned = [one for one in compared if one.planned]
    if not planned:
        yield f"Nothing to compare: {record.study.compared} has one level."
        return
    yield _overall(record, planned)
    if any(one.paired.n >= SMALLEST_INTERVAL for one in planned):
        edges = tuning.edges(record)
        yield from (Words(record, one).sentence(edges) for one in planned)
        yield from _exploration(record, [one for one in compared if not one.planned])


def _overall(record: Record, planned: list[Comparison]) -> str:
    """Answer the question in one sentence or two, or say why there is no answer yet."""
    largest = _largest(planned)
    words = Words(record, largest)
    if all(one.verdict == "too few seeds" for one in planned):
        few = f"{largest.paired.n} paired seeds are too few for an interval"
        return f"No answer yet: {few if largest.paired.n else progress(record)}."
    observed = f"{words.a} against {words.b}{words.at}, {words.amount(signed=True)}"
    if all(one.paired.n < SMALLEST_CLAIM for one in planned):
        most = max(one.paired.n for one in planned)
        return (
            f"No claim yet: with at most {most} paired seeds this is an exploration (a claim "
            f"needs {SMALLEST_CLAIM}). Largest observed difference: {observed}."
        )
    shown = [one for one in planned if one.verdict in ("better", "worse", "not equal")]
    if not shown:
        return counted(record, planned)
    best = Words(record, _largest(shown))
    return (
        f"{counted(record, planned)} The largest effect: {best.a} against {best.b}{best.at} is "
        f"{best.amount(signed=True)}."
    )


def _exploration(record: Record, others: list[Comparison]) -> Iterator[str]:
    known = [one for one in others if one.paired.n >= SMALLEST_INTERVAL]
    if known:
        words = Words(record, _largest(known))
        yield (
            f"Exploratory, for it was not claimed beforehand: of {len(known)} other comparisons "
            f"the largest difference is {words.a} against {words.b}{words.at}, "
            f"{words.amount(signed=True)} {words.evidence()}."
        )


def _largest(some: list[Comparison]) -> Comparison:
    """Return the comparison of the largest difference, among those on the first one's metric."""
    alike = [one for one in some if one.metric == some[0].metric]
    return max(alike, key=lambda one: -1 if math.isnan(one.gain) else abs(one.gain))


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
