"""Record: everything that was measured in a study, one row per trial, and how to read it.

Columns of `frame`: trial, role ("search", "confirm", or "trial" in an ordinary search), cell,
cell/<name>, seed, status, reason, run_id, recipe_hash, same_as, suggested/<name>, recipe/<name>,
and metrics (train/…, val/…, test/…, params/…, model/…, depth/…, cost/…), NaN if not measured.
`frame.attrs` has "headline" (the task's metric) and "higher_is_better" by metric without prefix.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas

from harness.claims import Contrast, Registration
from harness.curves import Histories, no_histories
from harness.study import Study, label

CORE = ("trial", "role", "cell", "seed", "status", "reason", "run_id", "recipe_hash", "same_as")
BUDGET_NAMES = ("budget", "parameters")
"""Scientific values of these names are a wanted number of trainable parameters."""
DEPTHS = ("depth/weight_layers_longest", "model/depth")
"""How deep a network is: the first of these that was measured."""


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
    registration: Registration = field(default_factory=Registration)

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

    @property
    def depth_name(self) -> str:
        """The column that says how deep a network is."""
        return next((name for name in DEPTHS if self.columns(name)), DEPTHS[-1])

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
        if cell is None:
            return self.frame[self.frame["role"] == role]
        return self._parts.get((role, cell), self.frame.iloc[:0])

    @cached_property
    def _parts(self) -> dict[tuple[str, str], pandas.DataFrame]:
        return dict(iter(self.frame.groupby(["role", "cell"], sort=False)))  # type: ignore[arg-type]

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
        The frame is kept for the next call: do not change it.
        """
        key = (cell if self.study.scientific else None, metric or self.study.objectives[0])
        if key not in self._ranked:
            self._ranked[key] = self._rank(*key)
        return self._ranked[key]

    @cached_property
    def _ranked(self) -> dict[tuple[str | None, str], pandas.DataFrame]:
        return {}

    def _rank(self, cell: str | None, metric: str) -> pandas.DataFrame:
        rows = self.tuned if cell is None else self.rows("search", cell)
        rows = rows[(rows["status"] == "finished") & self.column(metric)[rows.index].notna()]
        order = [not self.larger_is_better(metric), True]
        return rows.sort_values([metric, "trial"], ascending=order) if len(rows) else rows

    def confirmed(self, cell: str, metric: str | None = None) -> pandas.DataFrame:
        """Return the confirm rows in force: of one recipe, finished or diverged, one per seed.

        Where a cell was confirmed with several recipes, that of the best search trial counts, or
        else the latest. `value` is the answer's metric unless another is given; a run that
        diverged, or whose metric is infinite, has the worst finite value of the study's confirm
        runs, and `imputed` is True. The frame is kept for the next call: do not change it.
        """
        key = (cell, metric or self.answer_metric)
        if key not in self._confirmed:
            self._confirmed[key] = self._confirm(*key)
        return self._confirmed[key]

    @cached_property
    def _confirmed(self) -> dict[tuple[str, str], pandas.DataFrame]:
        return {}

    def _confirm(self, cell: str, metric: str) -> pandas.DataFrame:
        rows = self.rows("confirm", cell)
        rows = rows[rows["status"].isin(("finished", "diverged"))].sort_values("trial")
        if rows["recipe_hash"].nunique() > 1:
            rows = rows[rows["recipe_hash"] == self._hash_in_force(cell, rows)]
        rows = rows.drop_duplicates("seed", keep="last")
        values = self.column(metric)[rows.index]
        imputed = (rows["status"] == "diverged") | values.map(math.isinf)
        values = values.mask(imputed, self.worst(metric))
        return rows.assign(value=values, imputed=imputed)[values.notna()]

    def _hash_in_force(self, cell: str, rows: pandas.DataFrame) -> str:
        best = self.ranked(cell)
        if len(best) and (rows["recipe_hash"] == best["recipe_hash"].iloc[0]).any():
            return str(best["recipe_hash"].iloc[0])
        return str(rows["recipe_hash"].iloc[-1])

    def worst(self, metric: str) -> float:
        """Return the worst finite value of a metric over all finished confirm runs, or NaN."""
        rows = self.rows("confirm")
        values = self.column(metric)[rows.index][rows["status"] == "finished"]
        values = values[values.map(math.isfinite)]
        return float(values.min() if self.larger_is_better(metric) else values.max())

    def chosen(self, cell: str) -> pandas.DataFrame:
        """Return the rows that stand for a cell: confirmed ones, or else the best search trial."""
        confirmed = self.confirmed(cell)
        return confirmed if len(confirmed) else self.ranked(cell).head(1)

    def trainable(self, cell: str) -> float:
        """Return the mean number of trainable parameters of the cell's chosen recipe, or NaN."""
        return float(self.column("params/trainable")[self.chosen(cell).index].mean())

    def seen(self, contrast: Contrast) -> int:
        """Return how many trials had ended when a comparison was claimed; all if it never was."""
        ended = ~self.frame["status"].isin(("running", "waiting"))
        return self.registration.claims.get(contrast.key, int(ended.sum()))
