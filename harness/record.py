"""Record: everything that was measured in a study, one row per trial, and how to read it.

Columns of `frame`: trial, role ("search", "confirm", or "trial" in an ordinary search), cell,
cell/<name>, seed, status, reason, run_id, recipe_hash, same_as, suggested/<name>, recipe/<name>,
and metrics (train/…, val/…, test/…, params/…, best/…, cost/…), NaN where not measured.
`frame.attrs` has "headline" (the task's metric) and "higher_is_better" by metric without prefix.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas

from harness.curves import Histories, no_histories
from harness.plots.style import written
from harness.statistics.power import SMALLEST_CLAIM
from harness.study import Study, label

CORE = ("trial", "role", "cell", "seed", "status", "reason", "run_id", "recipe_hash", "same_as")
BUDGET_NAMES = ("budget", "parameters")
"""Scientific values of these names are a wanted number of trainable parameters."""
OFF_BUDGET = 0.02
"""Widths are whole numbers: more than 2 % off the wanted number of parameters is mentioned."""


@dataclass(frozen=True)
class Bounds:
    """The range that a nuisance value was searched in, and whether on a logarithmic scale."""

    low: float
    high: float
    log: bool

    def position(self, value: float) -> float:
        """Return where `value` lies: 0 at the low bound, 1 at the high, 0.5 if they coincide."""
        low, high = (math.log(end) if self.log else end for end in (self.low, self.high))
        here = math.log(value) if self.log else value
        return (here - low) / (high - low) if high > low else 0.5


@dataclass(frozen=True)
class Record:
    """A study with its trials, the bounds of its nuisance values, links to its runs, and curves."""

    study: Study
    frame: pandas.DataFrame
    bounds: Mapping[str, Bounds]
    run_url: Callable[[str], str]
    histories: Histories = no_histories

    def __post_init__(self) -> None:
        absent = [name for name in CORE if name not in self.frame]
        frame = self.frame.reindex(columns=[*self.frame.columns, *absent]) if absent else self.frame
        frame.attrs.update(self.frame.attrs)
        object.__setattr__(self, "frame", frame.reset_index(drop=True))

    @cached_property
    def answer_metric(self) -> str:
        """The metric that answers: the study's choice, or the task's headline on the best split."""
        if self.study.answer:
            return self.study.answer
        headline = self.frame.attrs.get("headline")
        if not headline:
            return self.study.objectives[0]
        return f"test/{headline}" if len(self.rows("confirm")) else f"val/{headline}"

    @property
    def shown_metric(self) -> str:
        """The answer's metric, or the first objective as long as that has no values."""
        measured = self.column(self.answer_metric).notna().any()
        return self.answer_metric if measured else self.study.objectives[0]

    def larger_is_better(self, metric: str) -> bool:
        """Return a metric's direction; without an entry (params/…, cost/…) smaller is better."""
        directions = self.frame.attrs.get("higher_is_better", {})
        return bool(directions.get(metric.partition("/")[2] or metric, False))

    def column(self, name: str) -> pandas.Series:
        """Return a column as float, all NaN if it is not there."""
        if name not in self.frame:
            return pandas.Series(math.nan, index=self.frame.index, dtype=float)
        return pandas.to_numeric(self.frame[name], errors="coerce").astype(float)

    def columns(self, prefix: str) -> list[str]:
        """Return the names of the columns that start with `prefix` and have any value."""
        names = [str(name) for name in self.frame.columns if str(name).startswith(prefix)]
        return [name for name in names if self.frame[name].notna().any()]

    def rows(self, role: str, cell: str | None = None) -> pandas.DataFrame:
        """Return the rows of one role, of one cell if given."""
        chosen = self.frame["role"] == role
        return self.frame[chosen if cell is None else chosen & (self.frame["cell"] == cell)]

    @property
    def tuned(self) -> pandas.DataFrame:
        """The rows that were tried out: search trials, or all trials of an ordinary search."""
        return self.rows("search" if self.study.scientific else "trial")

    def cells(self) -> list[str]:
        """Return the label of every cell that the study plans, in its order."""
        return [label(cell) for cell in self.study.cells()]

    def ranked(self, cell: str | None = None, metric: str | None = None) -> pandas.DataFrame:
        """Return the finished tuning trials of a cell (None: of all) by a metric, best first.

        The metric is the study's first objective unless given; of equals the earlier comes first.
        """
        metric = metric or self.study.objectives[0]
        rows = self.tuned
        if cell is not None and self.study.scientific:
            rows = rows[rows["cell"] == cell]
        rows = rows[(rows["status"] == "finished") & self.column(metric)[rows.index].notna()]
        order = [not self.larger_is_better(metric), True]
        return rows.sort_values([metric, "trial"], ascending=order) if len(rows) else rows

    def confirmed(self, cell: str) -> pandas.DataFrame:
        """Return the confirm rows in force: of one recipe, finished or diverged, one per seed.

        Where a cell was confirmed with several recipes, that of the best search trial counts, or
        else the latest. `value` is the answer's metric; a run that diverged, or whose metric is
        infinite, has the worst finite value of the study's confirm runs, and `imputed` is True.
        """
        rows = self.rows("confirm", cell)
        rows = rows[rows["status"].isin(("finished", "diverged"))].sort_values("trial")
        if rows["recipe_hash"].nunique() > 1:
            rows = rows[rows["recipe_hash"] == self._hash_in_force(cell, rows)]
        rows = rows.drop_duplicates("seed", keep="last")
        values = self.column(self.answer_metric)[rows.index]
        imputed = (rows["status"] == "diverged") | values.map(math.isinf)
        values = values.mask(imputed, self.worst)
        return rows.assign(value=values, imputed=imputed)[values.notna()]

    def _hash_in_force(self, cell: str, rows: pandas.DataFrame) -> str:
        best = self.ranked(cell)
        if len(best) and (rows["recipe_hash"] == best["recipe_hash"].iloc[0]).any():
            return str(best["recipe_hash"].iloc[0])
        return str(rows["recipe_hash"].iloc[-1])

    @cached_property
    def worst(self) -> float:
        """The worst finite value of the answer's metric over all finished confirm runs, or NaN."""
        rows = self.rows("confirm")
        values = self.column(self.answer_metric)[rows.index][rows["status"] == "finished"]
        values = values[values.map(math.isfinite)]
        return float(values.min() if self.larger_is_better(self.answer_metric) else values.max())

    def chosen(self, cell: str) -> pandas.DataFrame:
        """Return the rows that stand for a cell: confirmed ones, or else the best search trial."""
        confirmed = self.confirmed(cell)
        return confirmed if len(confirmed) else self.ranked(cell).head(1)

    def trainable(self, cell: str) -> float:
        """Return the mean number of trainable parameters of the cell's chosen recipe, or NaN."""
        return float(self.column("params/trainable")[self.chosen(cell).index].mean())


def progress(record: Record) -> str:
    """Return how many of a designed study's planned trials finished or diverged."""
    cells = len(record.cells())
    study = record.study
    planned = {"search": study.trials_per_cell * cells, "confirm": study.seeds * cells}
    ended = {
        role: int(record.rows(role)["status"].isin(("finished", "diverged")).sum())
        for role in planned
    }
    parts = [f"{ended[role]} of {planned[role]} {role} trials" for role in planned]
    return f"{' and '.join(parts)} have a result"


def caveats(record: Record) -> tuple[str, ...]:
    """Return what limits a study's answer: what failed, diverged, is missing, or at an edge."""
    every = (_missing, _failed, _diverged, _superseded, _few_seeds, _off_budget)
    return tuple(line for limits in every for line in limits(record))


def _missing(record: Record) -> Iterator[str]:
    waiting = record.frame[record.frame["status"].isin(("running", "waiting"))]
    if len(waiting):
        yield f"Unfinished trials: {_by_cell(waiting)}."
    confirmed = [len(record.confirmed(cell)) for cell in record.cells()]
    foreign = record.frame[~record.frame["cell"].isin(record.cells())]
    if record.study.scientific and len(foreign):
        yield f"Trials of cells that the study no longer has, left out: {_by_cell(foreign)}."
    if record.study.scientific and min(confirmed) < record.study.seeds:
        yield f"The study is not complete: {progress(record)}."


def _failed(record: Record) -> Iterator[str]:
    failed = record.frame[record.frame["status"] == "failed"]
    if len(failed):
        yield f"Failed trials, which count for nothing: {_by_cell(failed)}."


def _diverged(record: Record) -> Iterator[str]:
    searched = record.tuned[record.tuned["status"] == "diverged"]
    if len(searched):
        yield f"Diverged while tuning, so never chosen: {_by_cell(searched)}."
    rows = [record.confirmed(cell) for cell in record.cells()]
    imputed = pandas.concat([cell[cell["imputed"]] for cell in rows])
    if len(imputed):
        yield (
            f"Diverged confirm runs, counted as the worst value of the study "
            f"({record.answer_metric} {written(record.worst)}): {_by_cell(imputed)}."
        )
    elif (record.rows("confirm")["status"] == "diverged").any():
        yield "Every confirm run diverged, so that there is no worst value to count them as."


def _superseded(record: Record) -> Iterator[str]:
    for cell in record.cells():
        hashes = record.rows("confirm", cell)["recipe_hash"].dropna()
        best = record.ranked(cell)
        if hashes.nunique() > 1:
            yield (
                f"{cell}: an earlier recipe was confirmed before and is left out; the test set "
                f"was touched before the present recipe was chosen."
            )
        elif len(best) and len(hashes) and best["recipe_hash"].iloc[0] != hashes.iloc[0]:
            yield f"{cell}: a better recipe was found after the one that was confirmed."


def _few_seeds(record: Record) -> Iterator[str]:
    if record.study.scientific and record.study.seeds < SMALLEST_CLAIM:
        yield f"{record.study.seeds} seeds for each cell: a claim needs {SMALLEST_CLAIM}."


def _off_budget(record: Record) -> Iterator[str]:
    for name in set(BUDGET_NAMES) & set(record.study.scientific):
        off = []
        for cell in record.study.cells():
            wanted, actual = float(cell[name]), record.trainable(label(cell))
            if abs(actual - wanted) > OFF_BUDGET * wanted:
                off.append(
                    f"{label(cell)} has {written(round(actual))} ({actual / wanted - 1:+.1%})"
                )
        if off:
            yield f"More than 2 % off the wanted number of trainable parameters: {listed(off)}."


def _by_cell(rows: pandas.DataFrame) -> str:
    counts = rows.groupby("cell", sort=False).size()
    return f"{len(rows)} ({listed([f'{number} in {cell}' for cell, number in counts.items()])})"


def listed(items: list[str], most: int = 6) -> str:
    """Return the items in one line, those after `most` as their number."""
    more = [f"and {len(items) - most} more"] if len(items) > most else []
    return "; ".join([*items[:most], *more])
