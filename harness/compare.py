"""Compare: any runs side by side, with the uncertainty of their seeds."""

import io
import math
from typing import Any

import pandas
from rich.console import Console, OverflowMethod
from rich.table import Table

from harness.plots.style import decimals, p_written, written
from harness.settings import UserError
from harness.statistics.differences import paired_difference, welch_p
from harness.statistics.intervals import SMALLEST_INTERVAL, mean_interval
from harness.statistics.power import SIGNIFICANCE

METRICS = ("train/", "val/", "test/", "params/", "best/", "cost/")
SIDE = {"params/trainable": "trainable", "cost/wall_seconds": "seconds"}
"""What a comparison as text shows beside the metric that decides, and what it is called there."""


def compare(
    frame: pandas.DataFrame, metric: str | None = None, *, larger_is_better: bool | None = None
) -> pandas.DataFrame:
    """Return one row for each set of runs that differ in nothing but the seed, best first.

    Args:
        frame: one row a run: `run`, settings `recipe/…` and `tag/…`, metrics `val/…`, `cost/…`, …;
            `cell`, where there is one, names the cell of a study that it belongs to.
        metric: what decides which is best; the frame's headline metric if None.
        larger_is_better: its direction; what `frame.attrs["higher_is_better"]` says if None.

    Returns:
        `runs` (joined by spaces), `n`, `cell` (their common one, else ""), the settings that
        differ, of each metric its mean and, as "<metric> ±", the longer half of its 95 % interval,
        and `p`: of no difference to the first row (paired if three seeds or more are common, else
        Welch). `attrs["metric"]` decided.

    Raises:
        UserError: there is no run, or no run has the metric.
    """
    metric = _metric(frame, metric)
    if larger_is_better is None:
        directions = frame.attrs.get("higher_is_better", {})
        larger_is_better = bool(directions.get(metric.partition("/")[2], False))
    differing = [name for name in _settings(frame) if frame[name].map(str).nunique() > 1]
    keys = frame[differing].map(str).agg("\n".join, axis=1) if differing else frame.index * 0
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
    """Return a comparison as text of at most `width` columns, and whether the best two differ.

    Rows that are the cells of a study go by these; else each setting that differs has a column
    where that fits, or all of them share one.
    """
    sink = io.StringIO()
    console = Console(file=sink, width=width, color_system=None, markup=False, emoji=False)
    apart, joined = _told(table)
    drawn = _drawn(table, apart, overflow="ignore")
    endless = console.options.update_width(10_000)
    if console.measure(drawn, options=endless).maximum > width or not apart:
        drawn = _drawn(table, joined, overflow="fold")
    console.print(drawn)
    console.print(note(table, str(table.attrs["metric"])), highlight=False)
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _told(table: pandas.DataFrame) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return what tells the rows apart as columns, and the same as a single column."""
    if table["cell"].is_unique and table["cell"].all():
        return ({"cell": list(table["cell"])},) * 2
    names = _short(_settings(table))
    apart = {short: [written(value) for value in table[name]] for name, short in names.items()}
    joined = [_differences(row, names) for _, row in table.iterrows()]
    return apart, {"settings that differ": joined}


def _drawn(
    table: pandas.DataFrame, settings: dict[str, list[str]], overflow: OverflowMethod
) -> Table:
    """Return the settings, then what came out: the mean ± its interval, what it cost, and p."""
    metric = str(table.attrs["metric"])
    side = {short: table[name] for name, short in SIDE.items() if name in table and name != metric}
    drawn = Table(box=None, pad_edge=False)
    for name in settings:
        drawn.add_column(name, overflow=overflow, ratio=1 if overflow == "fold" else None)
    for name in ("n", metric, *side, "p"):
        drawn.add_column(name, justify="right", overflow="fold")
    for place, (_, row) in enumerate(table.iterrows()):
        result = _plus_minus(row[metric], row[f"{metric} ±"])
        costs = [written(values.iloc[place]) for values in side.values()]
        cells = [values[place] for values in settings.values()]
        p = (
            "–"
            if math.isnan(row["p"])
            else p_written(row["p"]).removeprefix("p ").removeprefix("= ")
        )
        drawn.add_row(*cells, str(row["n"]), result, *costs, p)
    return drawn


def _short(names: list[str]) -> dict[str, str]:
    """Return each setting's last word, or its whole name where two end alike."""
    last = [name.rpartition("/")[2].rpartition(".")[2] for name in names]
    return {
        name: short if last.count(short) == 1 else name.partition("/")[2]
        for name, short in zip(names, last, strict=True)
    }


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
    cells = set(rows["cell"]) if "cell" in rows else set()
    row: dict[str, object] = {"runs": " ".join(rows["run"].astype(str)), "n": len(rows)}
    row["cell"] = cells.pop() if len(cells) == 1 else ""
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


def _differences(row: "pandas.Series[Any]", names: dict[str, str]) -> str:
    told = {
        short: written(row[name]) for name, short in names.items() if not pandas.isna(row[name])
    }
    return " ".join(f"{name}={value}" for name, value in told.items()) or str(row["runs"])


def _plus_minus(mean: float, half: float) -> str:
    """Return a mean to the second digit of its uncertainty."""
    if math.isnan(half):
        return written(mean)
    return f"{mean:,.{decimals(half)}f} ± {float(f'{half:.2g}'):g}"


def note(table: pandas.DataFrame, metric: str) -> str:
    """Return in a sentence whether the best two rows can be told apart."""
    if len(table) < 2:
        return f"One row: these runs differ in the seed alone, by {metric}."
    p = float(table["p"].iloc[1])
    if math.isnan(p):
        return f"The best two are not separable by {metric}: too few seeds for a test."
    separable = "separable" if p < SIGNIFICANCE else "not separable"
    return f"The best two are {separable} by {metric} (p = {p:.2g}, uncorrected)."
