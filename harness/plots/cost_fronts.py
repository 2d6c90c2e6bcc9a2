"""Quality against what it costs: parameters, FLOPs, memory and time, and who is on the front."""

import numpy
import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, marked_levels, placed
from harness.plots.pareto import dominated
from harness.plots.plot import Plot
from harness.record import Record
from harness.statistics.intervals import mean_interval

COSTS = {
    "params/trainable": "trainable parameters",
    "flops/forward": "FLOPs of one example, forward",
    "memory/peak": "bytes to train, by formula",
    "cost/wall_seconds": "seconds of training",
}


def numbers(record: Record) -> pandas.DataFrame:
    """Return a row for each kind of cost and cell, or trial of an ordinary search.

    Columns: cost, panel, level, cell, run, metric, amount and quality (means over the rows that
    stand for the cell), low and high (of the quality's 95 % interval over seeds), and front:
    whether no other costs no more and is no worse.
    """
    cells = [record.chosen(cell) for cell in record.cells()]
    rows = pandas.concat(cells) if record.study.scientific else record.ranked()
    rows = placed(record, rows).assign(quality=record.column(record.shown_metric)[rows.index])
    rows["point"] = rows["cell"] if record.study.scientific else rows["trial"]
    parts = []
    for cost in COSTS:
        known = rows.assign(cost=cost, amount=record.column(cost)[rows.index])
        known = known.dropna(subset=["amount", "quality"])
        one = known.groupby("point", sort=False).agg(
            {
                **dict.fromkeys(("cost", "panel", "level", "cell", "run"), "first"),
                **dict.fromkeys(("amount", "quality"), "mean"),
            }
        )
        ends = {point: _interval(part["quality"]) for point, part in known.groupby("point")}
        one["low"] = [ends[point][0] for point in one.index]
        one["high"] = [ends[point][1] for point in one.index]
        if one["amount"].nunique() > 1:
            parts.append(one.assign(metric=record.shown_metric, front=_front(record, one)))
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def _interval(values: pandas.Series) -> tuple[float, float]:
    """Return the 95 % interval of the mean, of a single value the value."""
    found = mean_interval(values.to_list())
    return (found.low, found.high) if len(values) > 1 else (found.mean, found.mean)


def _front(record: Record, points: pandas.DataFrame) -> list[bool]:
    sign = -1 if record.larger_is_better(record.shown_metric) else 1
    losses = numpy.column_stack([points["amount"], sign * points["quality"]]).astype(float)
    return [not dominated(point, losses) for point in losses]


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each kind of cost, the front as a line of steps."""
    panels = list(data.groupby("cost", sort=False))
    levels = list(dict.fromkeys(data["level"]))
    figure, places = figure_of([""] * len(panels))
    for where, (cost, panel) in zip(places, panels, strict=True):
        front = panel[panel["front"]].sort_values("amount")
        figure.add_trace(_steps(front), **where)
        for index, level in enumerate(levels):
            figure.add_trace(_points(panel[panel["level"] == level], index, level), **where)
        ends = panel["amount"].min(), panel["amount"].max()
        figure.update_xaxes(style.titled(COSTS[str(cost)]) | style.number_ticks(*ends), **where)
    marked_levels(figure, levels)
    figure.update_yaxes(style.titled(data["metric"].iloc[0]), col=1)
    return figure


def _steps(front: pandas.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=front["amount"].to_list(),
        y=front["quality"].to_list(),
        mode="lines",
        line={"shape": "hv", "color": "#888888", "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )


def _points(points: pandas.DataFrame, index: int, level: str) -> go.Scatter:
    return go.Scatter(
        x=points["amount"].to_list(),
        y=points["quality"].to_list(),
        error_y={
            "type": "data",
            "array": (points["high"] - points["quality"]).to_list(),
            "arrayminus": (points["quality"] - points["low"]).to_list(),
            "width": 3,
            "thickness": 1,
        },
        text=[style.text(cell) for cell in points["cell"]],
        customdata=points["run"].to_list(),
        mode="markers",
        legendgroup=level,
        showlegend=False,
        marker={
            "color": style.color(index),
            "symbol": style.symbol(index),
            "size": [12 if front else 8 for front in points["front"]],
            "opacity": [1.0 if front else 0.6 for front in points["front"]],
            "line": {"width": 0},
        },
    )


PLOT = Plot(
    title="What quality costs",
    caption="Means of each cell with 95 % intervals over seeds. On the dotted front (full marks) "
    "nothing is both cheaper and better. FLOPs: matrix products and convolutions, 2 a "
    "multiply-accumulate; seconds are of the "
    "machine that trained.",
    group="views",
    place=3,
    numbers=numbers,
    draw=draw,
)
