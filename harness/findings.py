"""Findings: tables of what a study's trials show beside its claims; all of it is exploration."""

from collections.abc import Iterator, Sequence

import numpy
import pandas

from harness import finetuning, reproduction
from harness.comparisons import Comparison, evidence_table
from harness.plots.listing import Listing, listing
from harness.plots.panels import places
from harness.record import BUDGET_NAMES, Record
from harness.statistics.aggregate import interquartile_mean
from harness.statistics.differences import smallest_p
from harness.statistics.fits import SMALLEST_SIZES, compute_optimal_exponent, fit
from harness.statistics.intervals import Array, Interval
from harness.statistics.shares import rank_correlations, shares
from harness.statistics.tuning import expected_best
from harness.study import label

DATA_SIZE = "recipe/data.limit"
"""How many examples a training may use, where a study varies it."""
WIDTH = "model/width"


def findings(record: Record, compared: list[Comparison]) -> Iterator[Listing]:
    """Yield the tables of a designed study or a search; without data they have no rows."""
    reproduced = reproduction.reproduced(record)
    answer, objective = record.answer_metric, record.study.objectives[0]
    pairs = max((one.paired.n for one in compared), default=0)
    about = (
        "Paired differences with t and bootstrap intervals, P(a is better) with Wilson's "
        "interval, and p by Student's t (for an equality: two one-sided tests), by flipped signs "
        f"and by Wilcoxon; the last two cannot fall below {smallest_p(pairs):.2g} with {pairs} "
        "pairs. Holm corrects the first, the claims and the exploration apart."
    )
    yield listing("Fine-tuning", finetuning.ABOUT, finetuning.comparison(record), group="answer")
    bases = finetuning.lineage(record)
    marked = "All runs start from one base." if len(bases) < 2 else "Runs of several bases!"
    yield listing("Lineage", marked, bases, group="ledger")
    yield listing("Published and ours", reproduction.ABOUT, reproduced, group="answer")
    yield listing("Comparisons", about, evidence_table(compared), group="answer")
    about = "Mean of the middle half of all runs of a level, bootstrapped within each combination."
    yield listing("Over all combinations", about, middles(record), group="answer")
    about = (
        "Loss = E + A/N^α (+ B/D^β where data varies), Huber on log loss, 95 % by a bootstrap over "
        "seeds with full refits. A and B are weakly identified and not shown. Forecast: predicted "
        "÷ measured loss at the largest N, from all others."
    )
    yield listing("Fits of loss against size", about, laws(record), group="views")
    about = (
        f"Share of the variance of {answer} over cells: what each factor (log₂, linear) explains "
        "alone and beyond the others, at fixed other scientific values. Given: how much of the "
        "factor the others determine; near 1 they cannot be told apart."
    )
    yield listing("Share explained", about, explained(record), group="views")
    about = (
        f"Rank correlation over cells of each definition of depth with the first one, and with "
        f"{answer}. Where the former is not 1, the definition matters."
    )
    yield listing("Definitions of depth", about, definitions(record), group="networks")
    about = (
        f"Expected {objective} of the best of n tuning trials (unbiased; for trials drawn "
        "independently). Where it still improves from column to column, tuning was too short."
    )
    yield listing("Best of n trials", about, best_of(record), group="tuning")


def middles(record: Record) -> pandas.DataFrame:
    """Return each compared level's inter-quartile mean of the answer over all values held equal."""
    levels: dict[str, list[Array]] = {}
    for cell, (_, level) in places(record).items():
        levels.setdefault(level, []).append(record.confirmed(cell)["value"].to_numpy(dtype=float))
    rows = [
        {"level": level, **_bounded(record.answer_metric, interquartile_mean(strata))}
        for level, strata in levels.items()
        if len(strata) > 1 and all(map(len, strata))
    ]
    return pandas.DataFrame(rows)


def best_of(record: Record) -> pandas.DataFrame:
    """Return what 1, 2, 4, … tuning trials were expected to reach in each cell."""
    objective = record.study.objectives[0]
    better = record.larger_is_better(objective)
    rows = []
    for cell in record.cells() if len(record.study.objectives) == 1 else []:
        values = record.column(objective)[record.ranked(cell).index].to_list()
        if len(values) > 1:
            sizes = sorted({*(2**i for i in range(len(values).bit_length())), len(values)})
            best = {f"n = {n}": expected_best(values, n, larger_is_better=better) for n in sizes}
            rows.append({"cell": cell, "finished": len(values), **best})
    return pandas.DataFrame(rows)


def laws(record: Record) -> pandas.DataFrame:
    """Return the laws of loss against parameters, and data where it varies, for each level."""
    metric = "test/loss" if record.column("test/loss").notna().any() else "val/loss"
    rows = [_with_sizes(record, cell, metric) for cell in record.cells()]
    frame = pandas.concat(rows) if rows else pandas.DataFrame()
    frame = frame[(frame["loss"] > 0) & (frame["parameters"] > 0)]
    several = frame["group"].nunique() < frame["cell"].nunique()
    found: list[dict[str, object]] = []
    for group, part in frame.groupby("group", sort=False) if several else ():
        found += _fitted(str(group), part)
    return pandas.DataFrame(found)


def _with_sizes(record: Record, cell: str, metric: str) -> pandas.DataFrame:
    """Return a cell's confirmed runs with their sizes, and the group that shares one law."""
    rows = record.confirmed(cell, metric)
    data = record.column(DATA_SIZE)[rows.index]
    values = next(each for each in record.study.cells() if label(each) == cell)
    apart = {
        name: value
        for name, value in values.items()
        if name not in BUDGET_NAMES and not (len(data) and (data == value).all())
    }
    return pandas.DataFrame(
        {
            "cell": cell,
            "group": label(apart),
            "loss": rows["value"],
            "parameters": record.trainable(cell),
            "data": data,
            "seed": rows["seed"],
        }
    )


def _fitted(group: str, part: pandas.DataFrame) -> Iterator[dict[str, object]]:
    names = [name for name in ("parameters", "data") if part[name].nunique() > 1]
    fewest = min((part[name].nunique() for name in names), default=0)
    if fewest < SMALLEST_SIZES:
        few = f"none: {fewest} sizes, a fit needs {SMALLEST_SIZES}"
        yield {"runs of": group, "law": few, "sizes": fewest}
        return
    losses, sizes = part["loss"].to_numpy(dtype=float), part[names].to_numpy(dtype=float)
    for saturating in (False, True):
        one = fit(losses, sizes, part["seed"].to_numpy(), saturating=saturating)
        exponents = dict(zip(names, one.exponents, strict=True))
        row = {
            "runs of": group,
            "law": "saturating" if saturating else "power law (E = 0)",
            "sizes": fewest,
            "forecast": float(numpy.exp(one.forecast)),
            **_bounded("α", exponents.get("parameters")),
            **(_bounded("β", exponents["data"]) if "data" in names else {}),
            **(_bounded("E", one.constant) if saturating else {}),
        }
        if len(names) == 2:
            row["N ∝ compute^"] = compute_optimal_exponent(*one.law.exponents)
        yield row


def explained(record: Record) -> pandas.DataFrame:
    """Return how much depth, width and parameters explain of the differences between cells."""
    cells = _cell_means(record, [record.depth_name, WIDTH, "params/trainable"])
    factors = [
        name
        for name in (record.depth_name, WIDTH, "params/trainable")
        if cells[name].notna().all() and (cells[name] > 0).all() and cells[name].nunique() > 1
    ]
    plain = [
        name
        for name, levels in record.study.scientific.items()
        if name not in BUDGET_NAMES and len(levels) > 1 and not _follows(cells, name, factors)
    ]
    enough = len(cells) >= len(factors) + sum(cells[name].nunique() - 1 for name in plain) + 3
    if not enough or len(factors) < 2 or cells[record.answer_metric].nunique() < 2:
        return pandas.DataFrame()
    return shares(cells, record.answer_metric, factors, plain)


def _follows(cells: pandas.DataFrame, name: str, factors: Sequence[str]) -> bool:
    """Return whether a scientific value is one of the factors under another name."""
    return any((cells.groupby(name)[factor].nunique() == 1).all() for factor in factors)


def definitions(record: Record) -> pandas.DataFrame:
    """Return how alike the definitions of depth order the cells, and the answer's metric."""
    names = record.columns("depth/")
    cells = _cell_means(record, names)
    varied = [name for name in names if cells[name].nunique() > 1]
    if len(varied) < 2:
        return pandas.DataFrame()
    by_first = rank_correlations(cells[varied].assign(first=cells[varied[0]]), "first")
    by_answer = rank_correlations(cells[[*varied, record.answer_metric]], record.answer_metric)
    return by_first.merge(by_answer, on=["name", "levels"], suffixes=("", " with the answer"))


def _cell_means(record: Record, names: Sequence[str]) -> pandas.DataFrame:
    """Return one row for each confirmed cell: its scientific values, and means of the columns."""
    rows: list[dict[str, object]] = []
    for cell in record.study.cells():
        confirmed = record.confirmed(label(cell))
        if len(confirmed):
            means = {name: record.column(name)[confirmed.index].mean() for name in names}
            rows.append({**cell, **means, record.answer_metric: confirmed["value"].mean()})
    columns = [*record.study.scientific, *names, record.answer_metric]
    return pandas.DataFrame(rows, columns=list(dict.fromkeys(columns)))


def _bounded(name: str, interval: Interval | None) -> dict[str, object]:
    if interval is None:
        return {}
    return {name: interval.mean, f"{name} low": interval.low, f"{name} high": interval.high}
