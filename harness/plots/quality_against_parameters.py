"""Quality against the actual number of trainable parameters, every seed drawn."""

import math
from collections.abc import Sequence

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, marked_levels, placed
from harness.plots.plot import Plot
from harness.record import BUDGET_NAMES, Record
from harness.statistics.intervals import mean_interval


def numbers(record: Record) -> pandas.DataFrame:
    """Return the points of the answer's metric, or of the objective as long as that has none."""
    return points(record, [record.shown_metric])


def points(
    record: Record, metrics: Sequence[str], count: str = "params/trainable"
) -> pandas.DataFrame:
    """Return one row for each metric and confirm run, or tuning trial as long as none is confirmed.

    Columns: panel (the values held equal, a budget apart), level (of the compared value), cell,
    trial, seed, parameters (by `count`), metric, value, imputed (diverged, so the worst value),
    the cell's mean over seeds with its 95 % interval, low and high (NaN for tuning trials), run.
    """
    confirmed = [rows for cell in record.cells() if len(rows := record.confirmed(cell))]
    rows = placed(record, pandas.concat(confirmed) if confirmed else record.ranked(), BUDGET_NAMES)
    parts = []
    for metric in metrics:
        values = record.column(metric)[rows.index]
        imputed = pandas.Series(False, index=rows.index)
        if confirmed and metric == record.answer_metric:
            values, imputed = rows["value"], rows["imputed"]
        part = rows[["panel", "level", "cell", "trial", "seed", "run"]].assign(
            parameters=record.column(count)[rows.index],
            metric=metric,
            value=values,
            imputed=imputed,
        )
        part = part[values.map(math.isfinite) & part["parameters"].notna()]
        parts.append(_with_means(part, interval=bool(confirmed)))
    return pandas.concat(parts, ignore_index=True)


def _with_means(part: pandas.DataFrame, *, interval: bool) -> pandas.DataFrame:
    columns = ["mean", "low", "high"]
    if not interval:
        return part.assign(**dict.fromkeys(columns, math.nan))
    found = {cell: mean_interval(rows["value"].to_list()) for cell, rows in part.groupby("cell")}
    return part.assign(
        mean=part["cell"].map({cell: one.mean for cell, one in found.items()}).astype(float),
        low=part["cell"].map({cell: one.low for cell, one in found.items()}).astype(float),
        high=part["cell"].map({cell: one.high for cell, one in found.items()}).astype(float),
    )


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values, a line of means for each level.

    With two metrics the first is drawn with full markers and lines, the second open and dashed.
    """
    panels = list(data.groupby("panel", sort=False))
    metrics = list(dict.fromkeys(data["metric"]))
    levels = list(dict.fromkeys(data["level"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for metric in metrics:
            for level in levels:
                chosen = panel[(panel["level"] == level) & (panel["metric"] == metric)]
                second, index = metric != metrics[0], levels.index(level)
                for trace in _traces(chosen, index, level, second=second):
                    figure.add_trace(trace, **where)
    marked_levels(figure, levels)
    _marked_metrics(figure, metrics)
    ends = data["parameters"].min(), data["parameters"].max()
    figure.update_xaxes(style.titled("trainable parameters") | style.number_ticks(*ends))
    figure.update_yaxes(style.titled(" and ".join(metrics)), col=1)
    return figure


def _traces(chosen: pandas.DataFrame, index: int, level: str, *, second: bool) -> list[go.Scatter]:
    color, mark = style.color(index), style.symbol(index) + ("-open" if second else "")
    shared = {"showlegend": False, "legendgroup": level}
    marks = ["x" if imputed else mark for imputed in chosen["imputed"]]
    notes = ["diverged: worst value" if imputed else "" for imputed in chosen["imputed"]]
    opacity = 0.45 if chosen["mean"].notna().any() else 0.8
    told = zip(chosen["cell"], chosen["seed"], notes, strict=True)
    dots = go.Scatter(
        x=chosen["parameters"].to_list(),
        y=chosen["value"].to_list(),
        text=[style.text(f"{cell}, seed {seed} {note}") for cell, seed, note in told],
        customdata=chosen["run"].to_list(),
        mode="markers",
        marker={
            "color": color,
            "size": 6,
            "opacity": opacity,
            "symbol": marks,
        },
        **shared,
    )
    means = chosen.dropna(subset=["mean"]).groupby("cell", sort=False).first()
    means = means.sort_values("parameters")
    line = go.Scatter(
        x=means["parameters"].to_list(),
        y=means["mean"].to_list(),
        error_y=style.bars(means),
        text=[style.text(f"{cell}: mean and 95 % interval") for cell in means.index],
        mode="lines+markers",
        line={"color": color, "dash": "dash" if second else "solid", "width": 2},
        marker={"color": color, "size": 10, "symbol": mark},
        **shared,
    )
    return [dots, line] if len(means) else [dots]


def _marked_metrics(figure: go.Figure, metrics: list[str]) -> None:
    for metric, mark in zip(metrics, ("circle", "circle-open"), strict=False):
        if len(metrics) > 1:
            marker = {"color": "#888888", "symbol": mark, "size": 10}
            dash = {"color": "#888888", "dash": "dash" if mark != "circle" else "solid"}
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="lines+markers",
                name=style.text(metric),
                marker=marker,
                line=dash,
            )


PLOT = Plot(
    title="Quality against parameters",
    caption="Each small point is one training; larger marks are means over confirm seeds with "
    "their 95 % interval; a cross diverged and counts as the worst value.",
    group="answer",
    place=1,
    numbers=numbers,
    draw=draw,
)
