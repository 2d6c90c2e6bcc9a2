"""What was tuned against the objective: is each cell's optimum inside its search space?"""

import math
from collections.abc import Mapping

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, marked_levels, placed
from harness.plots.plot import Plot
from harness.record import Record

EDGE = 0.05
"""Share of a search range at either end within which an optimum counts as at the edge."""
LOGARITHMIC = 20
"""Objectives that span a factor of more than this are drawn on a logarithmic axis."""


def edges(record: Record) -> dict[str, dict[str, str]]:
    """Return {tuned value: {cell: "low" or "high"}} where the best trial is at an edge.

    At an edge means within 5 % of the range, on the scale of the search; the optimum may then lie
    outside. The cell of an ordinary search is "all".
    """
    found: dict[str, dict[str, str]] = {}
    for cell in record.cells():
        best = record.ranked(cell).head(1)
        for name, bounds in record.bounds.items():
            for value in record.column(f"suggested/{name}")[best.index].dropna():
                position = bounds.position(float(value))
                if not EDGE < position < 1 - EDGE:
                    found.setdefault(name, {})[cell] = "low" if position <= EDGE else "high"
    return found


def numbers(record: Record) -> pandas.DataFrame:
    """Return one row for each tuning trial and tuned value.

    Columns: parameter, panel (the values held equal), level (of the compared value), cell, trial,
    suggested, metric, objective (a diverged trial has its panel's worst finite value), diverged,
    best (of its cell), edge ("low", "high" or ""), the bounds low, high (NaN if none), log, run.
    """
    trials = _trials(record)
    at_edge = edges(record)
    parts = []
    for column in record.columns("suggested/"):
        name = column.partition("/")[2]
        bounds = record.bounds.get(name)
        sides = trials["cell"].map(at_edge.get(name, {}))
        part = trials.assign(
            parameter=name,
            suggested=record.frame[column][trials.index],
            edge=sides.where(trials["best"] & sides.notna(), ""),
            low=bounds.low if bounds else math.nan,
            high=bounds.high if bounds else math.nan,
            log=bool(bounds and bounds.log),
        )
        parts.append(part.dropna(subset=["suggested", "objective"]))
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def _trials(record: Record) -> pandas.DataFrame:
    metric = record.study.objectives[0]
    rows = placed(record, record.tuned)
    rows = rows[rows["status"].isin(("finished", "diverged"))]
    values = record.column(metric)[rows.index]
    diverged = (rows["status"] == "diverged") | values.map(math.isinf)
    finite = values.mask(diverged).groupby(rows["panel"])
    worst = finite.transform("min" if record.larger_is_better(metric) else "max")
    best = [index for cell in record.cells() for index in record.ranked(cell).index[:1]]
    return rows[["panel", "level", "cell", "trial", "run"]].assign(
        metric=metric,
        objective=values.mask(diverged, worst),
        diverged=diverged,
        best=rows.index.isin(best),
    )


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each tuned value and combination of held values, a colour for each level."""
    panels = list(data.groupby(["parameter", "panel"], sort=False))
    figure, places = figure_of([_title(panel) for _, panel in panels])
    levels = list(dict.fromkeys(data["level"]))
    for where, (_, panel) in zip(places, panels, strict=True):
        for index, level in enumerate(levels):
            points = panel[panel["level"] == level]
            figure.add_trace(_points(points, index), **where)
        _axes(figure, panel, where)
    marked_levels(figure, levels, marks=False)
    return figure


def _title(panel: pandas.DataFrame) -> str:
    held = str(panel["panel"].iloc[0])
    at_edge = list(panel.loc[panel["edge"] != "", "level"])
    lines = [held, f"at the edge: {', '.join(at_edge)}"] if at_edge else [held]
    return "<br>".join(style.text(line) for line in lines if line)


def _points(points: pandas.DataFrame, index: int) -> go.Scatter:
    kinds = [
        "diverged" if bad else "best" if best else ""
        for bad, best in zip(points["diverged"], points["best"], strict=True)
    ]
    level = str(points["level"].iloc[0]) if len(points) else ""
    return go.Scatter(
        x=points["suggested"].to_list(),
        y=points["objective"].to_list(),
        text=[f"trial {trial} {kind}" for trial, kind in zip(points["trial"], kinds, strict=True)],
        customdata=points["run"].to_list(),
        mode="markers",
        legendgroup=level,
        showlegend=False,
        marker={
            "color": style.color(index),
            "size": [15 if kind == "best" else 7 for kind in kinds],
            "symbol": [{"best": "star", "diverged": "x"}.get(kind, "circle") for kind in kinds],
            "opacity": [1.0 if kind else 0.65 for kind in kinds],
            "line": {"width": 0},
        },
    )


def _axes(figure: go.Figure, panel: pandas.DataFrame, where: Mapping[str, int]) -> None:
    first = panel.iloc[0]
    horizontal = style.titled(first["parameter"])
    if not math.isnan(first["low"]):
        for bound in (first["low"], first["high"]):
            figure.add_vline(bound, line={"dash": "dot", "width": 1, "color": "#888888"}, **where)
        horizontal |= style.number_ticks(first["low"], first["high"]) if first["log"] else {}
    figure.update_xaxes(horizontal, **where)
    low, high = panel["objective"].min(), panel["objective"].max()
    vertical = style.titled(first["metric"]) if where["col"] == 1 else {}
    vertical |= style.number_ticks(low, high) if low > 0 and high > LOGARITHMIC * low else {}
    figure.update_yaxes(vertical, **where)


PLOT = Plot(
    title="What was tuned",
    caption="Each point is one tuning trial. A star is the best of its cell, a cross diverged "
    "(drawn at the worst value), dotted lines are the ends of the search.",
    group="tuning",
    place=1,
    numbers=numbers,
    draw=draw,
)
