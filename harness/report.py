"""Report: a study's answer as a page, with what its trials have data for."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from harness import plots
from harness.answer import Answer
from harness.caveats import LOOKS_AGAIN
from harness.discovery import constants
from harness.page.content import Drawing, Page, Section, drawing
from harness.plots import tables
from harness.plots.plot import Group, Plot
from harness.record import Record
from harness.statistics.intervals import SMALLEST_INTERVAL
from harness.statistics.power import SIGNIFICANCE, SMALLEST_CLAIM

SECTIONS: dict[Group, str] = {
    "answer": "What was found",
    "views": "The same in other views",
    "training": "How they trained",
    "networks": "What the networks are",
    "tuning": "How they were tuned",
    "ledger": "What it took, and what failed",
}
"""The heading of each group, in the order of the page; all but the first are folded."""
LIMITS = "It also holds only for the data, the settings held fixed and the search space below."


def page(record: Record, answer: Answer, facts: Mapping[str, str]) -> Page:
    """Return the page: answer, what limits it, pictures, tables, method, how to make it again.

    `facts` is shown as it is, in its order: the command, versions, the commit, when.
    """
    return Page(
        name=record.study.name,
        title=record.study.question,
        sentences=answer.sentences,
        caveats=answer.caveats,
        limits=LIMITS,
        sections=tuple(_sections(record, answer)),
        method=tuple(method(record)),
        facts=facts,
    )


def _sections(record: Record, answer: Answer) -> Iterator[Section]:
    pictures: dict[Group, list[Drawing]] = defaultdict(list)
    for plot in sorted(constants(Plot, plots), key=lambda plot: (plot.place, plot.title)):
        data = plot.numbers(record)
        if len(data):
            figure = plot.draw(data)
            pictures[plot.group].append(drawing(plot.title, plot.caption, data, figure))
    every = (*tables.listings(record, answer.table), *answer.listings)
    listings = [one for one in every if one.rows]
    for group, title in SECTIONS.items():
        shown = tuple(one for one in listings if one.group == group)
        if shown or pictures[group]:
            yield Section(title, tuple(pictures[group]), shown, folded=group != "answer")


def method(record: Record) -> Iterator[str]:
    """Yield how the study was made, in sentences."""
    study = record.study
    if not study.scientific:
        sampler = study.sampler if isinstance(study.sampler, str) else "the study's own sampler"
        pruner = study.pruner if isinstance(study.pruner, str) else "the study's own pruner"
        yield f"An Optuna search of {study.trials} trials (sampler {sampler}, pruner {pruner})."
        yield f"Objective: {', '.join(study.objectives)}, at the best epoch of each trial."
        return
    yield (
        f"A designed comparison of {study.compared} in {len(record.cells())} cells: every "
        f"combination of {', '.join(study.scientific)}."
    )
    yield (
        f"Search: {study.trials_per_cell} quasi-random trials in each cell tuned the nuisance "
        f"values for {study.objectives[0]}. Confirm: the best recipe of each cell was trained "
        f"anew on {study.seeds} fresh seeds, the same in every cell, and answers by "
        f"{record.answer_metric}. A seed decides initialisation, order and augmentation together."
    )
    yield (
        "Intervals are Student's t, 95 %, over seeds; those of a single mean are longer towards "
        "the tail of its seeds (Cornish-Fisher). Of simulated intervals .95 to .96 cover a "
        "difference and .93 to .97 a mean, but only .91 to .94 a mean of seeds as skewed as an "
        "exponential distribution. Differences are paired by seed (Student's t test); p-values "
        "are corrected by Holm for all claims of the study, and apart "
        "from them for what it compares besides, which is exploratory."
    )
    yield (
        "The number of seeds is fixed beforehand: who adds seeds until something is significant "
        f"errs more often than {SIGNIFICANCE:.0%} ({LOOKS_AGAIN}). "
        f"Below {SMALLEST_INTERVAL} seeds nothing is said, below "
        f"{SMALLEST_CLAIM} pairs there is an interval but no claim. That a difference "
        "cannot be told is no evidence that there is none: that takes an equivalence test with a "
        "margin fixed beforehand."
    )
    yield (
        "FLOPs are those of matrix products and convolutions, 2 a multiply-accumulate, counted on "
        "the operators of one step; the backward pass by what needs a gradient."
    )
