"""Time to quality: how many epochs and seconds each strategy takes to reach any given quality."""

import numpy
import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, marked_levels, placed
from harness.plots.plot import Plot
from harness.record import Record
from harness.statistics.intervals import Array

LEVELS = 12
"""Qualities between the worst start and the best end at which the time is read."""


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, metric, quality, reached, and medians over seeds: epochs, seconds.

    A median over all seeds of a cell, those that never reach the quality as infinitely late; no
    row where that is half of them. Seconds are the run's own, shared evenly by its epochs. Only of
    runs that start from trained weights and have their validation metric for every epoch.
    """
    metric = _metric(record)
    if metric is None:
        return pandas.DataFrame()
    rows = placed(record, pandas.concat([record.chosen(cell) for cell in record.cells()]))
    rows = rows.assign(wall=record.column("cost/wall_seconds")[rows.index])
    points = record.histories([run for run in rows["run_id"] if isinstance(run, str)], (metric,))
    if not len(points):
        return pandas.DataFrame()
    sign = 1 if record.larger_is_better(metric) else -1
    runs = {
        str(run): numpy.maximum.accumulate(sign * part.sort_values("epoch")["value"].to_numpy())
        for run, part in points.groupby("run_id")
    }
    ends = [curve[-1] for curve in runs.values()]
    wanted = numpy.linspace(min(curve[0] for curve in runs.values()), max(ends), LEVELS)
    found = [
        row | {"metric": metric, "quality": sign * quality}
        for _, part in rows[rows["run_id"].isin(list(runs))].groupby("cell", sort=False)
        for quality in wanted
        if (row := _row(part, runs, float(quality)))
    ]
    return pandas.DataFrame(found)


def _metric(record: Record) -> str | None:
    headline = record.frame.attrs.get("headline")
    wanted = [f"val/{headline}", record.study.objectives[0]]
    kept = (*record.study.metrics, *record.study.objectives)
    designed = record.study.scientific and record.columns("drift/")
    return next((name for name in wanted if name in kept), None) if designed else None


def _row(part: pandas.DataFrame, runs: dict[str, Array], quality: float) -> dict[str, object]:
    epochs, seconds = [], []
    for run, wall in zip(part["run_id"], part["wall"], strict=True):
        reached = numpy.flatnonzero(runs[run] >= quality)
        epoch = reached[0] + 1 if len(reached) else numpy.inf
        epochs.append(epoch)
        seconds.append(epoch * wall / len(runs[run]))
    if not numpy.isfinite(numpy.median(epochs)):
        return {}
    return {
        **{name: part[name].iloc[0] for name in ("panel", "level", "cell")},
        "reached": int(numpy.isfinite(epochs).sum()),
        "epochs": float(numpy.median(epochs)),
        "seconds": float(numpy.median(seconds)),
    }


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw epochs and seconds against the quality reached, a line for each level."""
    levels = list(dict.fromkeys(data["level"]))
    measures = ("epochs", "seconds")
    figure, places = figure_of(["", ""])
    for where, measure in zip(places, measures, strict=True):
        for level in levels:
            figure.add_trace(_line(data[data["level"] == level], measure, levels), **where)
        figure.update_yaxes(style.titled(f"{measure} until then, median"), **where)
    figure.update_xaxes(style.titled(data["metric"].iloc[0]))
    marked_levels(figure, levels)
    return figure


def _line(points: pandas.DataFrame, measure: str, levels: list[str]) -> go.Scatter:
    index = levels.index(str(points["level"].iloc[0]))
    return go.Scatter(
        x=points["quality"].to_list(),
        y=points[measure].to_list(),
        text=[style.text(cell) for cell in points["cell"]],
        mode="lines+markers",
        legendgroup=levels[index],
        showlegend=False,
        line={"color": style.color(index), "width": 1.5},
        marker={"color": style.color(index), "symbol": style.symbol(index), "size": 5},
    )


PLOT = Plot(
    title="Time to quality",
    caption="Median over seeds of the epochs, and of the seconds of training on this machine with "
    "evaluation, until the validation metric first reached each value; a line ends where half of "
    "the seeds never did.",
    group="training",
    place=3,
    numbers=numbers,
    draw=draw,
)
