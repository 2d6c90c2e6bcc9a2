"""Compare: any runs side by side, with the uncertainty of their seeds."""

import io
import math
from typing import Any

import pandas
from rich.console import Console
from rich.table import Table

from harness.plots.style import written
from harness.settings import UserError
from harness.statistics.differences import paired_difference, welch_p
from harness.statistics.intervals import SMALLEST_INTERVAL, mean_interval
from harness.statistics.power import SIGNIFICANCE

METRICS = ("train/", "val/", "test/", "params/", "best/", "cost/")
SIDE = ("params/trainable", "cost/wall_seconds")
"""Metrics that a comparison as text shows beside the one that decides."""


def compare(
    frame: pandas.DataFrame, metric: str | None = None, *, larger_is_better: bool | None = None
) -> pandas.DataFrame:
    """Return one row for each set of runs that differ in nothing but the seed, best first.

    Args:
        frame: one row a run: `run`, settings `recipe/…` and `tag/…`, metrics `val/…`, `cost/…` ….
        metric: what decides which is best; the frame's headline metric if None.
        larger_is_better: its direction; what `frame.attrs["higher_is_better"]` says if None.

    Returns:
        `runs` (joined by spaces), `n`, the settings that differ, of each metric its mean and, as
        "<metric> ±", the longer half of its 95 % interval, and `p`: of no difference to the first
        row (paired if three seeds or more are common, else Welch). `attrs["metric"]` decided.

    Raises:
        UserError: there is no run, or no run has the metric.
    """
    metric = _metric(frame, metric)
    if larger_is_better is None:
        directions = frame.attrs.get("higher_is_better", {})
        larger_is_better = bool(directions.get(metric.partition("/")[2], False))
    differing = [name for name in _settings(frame) if frame[name].astype(str).nunique() > 1]
    keys = frame[differing].astype(str).agg("\n".join, axis=1) if differing else frame.index * 0
    groups = [rows for _, rows in frame.groupby(keys, sort=False)]
    sign = -1 if larger_is_better else 1
    groups.sort(key=lambda rows: (rows[metric].isna().all(), sign * rows[metric].mean()))
    best = groups[0]
    rows = [
        _row(rows, differing) | {"p": math.nan if rows is best else _p(rows, best, metric)}
        for rows in groups
    ]
    table = pandas.DataFrame(rows)
    table.attrs["metric"] = metric
    return table


def as_text(table: pandas.DataFrame, width: int = 80) -> str:
    """Return a comparison as text of at most `width` columns, and whether the best two differ."""
    metric = str(table.attrs["metric"])
    metrics = [name for name in dict.fromkeys([metric, *SIDE]) if name in table]
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column("settings that differ", overflow="fold", ratio=1)
    for name in ("n", *metrics, "p"):
        drawn.add_column(name, justify="right", overflow="fold")
    for _, row in table.iterrows():
        values = [_plus_minus(row[name], row[f"{name} ±"]) for name in metrics]
        drawn.add_row(_differences(row), str(row["n"]), *values, written(row["p"]))
    sink = io.StringIO()
    console = Console(file=sink, width=width, color_system=None, markup=False, emoji=False)
    console.print(drawn)
    console.print(note(table, metric), highlight=False)
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _metric(frame: pandas.DataFrame, metric: str | None) -> str:
    measured = [
        name
        for name in map(str, frame.columns)
        if name.startswith(METRICS) and frame[name].notna().any()
    ]
    if frame.empty or not measured:
        do = "run a study first, or name other runs"
        raise UserError("runs to compare", got=len(frame), allowed="runs with metrics", do=do)
    headline = frame.attrs.get("headline")
    wanted = [metric] if metric else [f"test/{headline}", f"val/{headline}", measured[0]]
    found = [name for name in wanted if name in measured]
    if not found:
        raise UserError("metric", got=metric, allowed=", ".join(measured), do="choose one of them")
    return str(found[0])


def _settings(frame: pandas.DataFrame) -> list[str]:
    names = [str(name) for name in frame.columns if str(name).startswith(("recipe/", "tag/"))]
    return [name for name in names if name != "recipe/seed"]


def _row(rows: pandas.DataFrame, differing: list[str]) -> dict[str, object]:
    row: dict[str, object] = {"runs": " ".join(rows["run"].astype(str)), "n": len(rows)}
    row |= {name: rows[name].iloc[0] for name in differing}
    for name in map(str, rows.columns):
        if name.startswith(METRICS):
            interval = mean_interval(rows[name].dropna().to_list())
            row |= {name: interval.mean, f"{name} ±": interval.reach}
    return row


def _p(first: pandas.DataFrame, second: pandas.DataFrame, metric: str) -> float:
    sides = [rows.dropna(subset=[metric]) for rows in (first, second)]
    if "recipe/seed" in first:
        seeds = [
            dict(zip(rows["recipe/seed"].astype(int), rows[metric], strict=True)) for rows in sides
        ]
        paired = paired_difference(seeds[0], seeds[1])
        if paired.n >= SMALLEST_INTERVAL:
            return paired.p
    return welch_p(sides[0][metric].to_list(), sides[1][metric].to_list())


def _differences(row: "pandas.Series[Any]") -> str:
    names = [str(name) for name in row.index if str(name).startswith(("recipe/", "tag/"))]
    parts = [f"{name.partition('/')[2]}={written(row[name])}" for name in names]
    return " ".join(parts) or str(row["runs"])


def _plus_minus(mean: float, half: float) -> str:
    return written(mean) if math.isnan(half) else f"{written(mean)} ± {float(f'{half:.2g}'):g}"


def note(table: pandas.DataFrame, metric: str) -> str:
    """Return in a sentence whether the best two rows can be told apart."""
    if len(table) < 2:
        return f"One row: these runs differ in the seed alone, by {metric}."
    p = float(table["p"].iloc[1])
    if math.isnan(p):
        return f"The best two are not separable by {metric}: too few seeds for a test."
    separable = "separable" if p < SIGNIFICANCE else "not separable"
    return f"The best two are {separable} by {metric} (p = {p:.2g}, uncorrected)."
