"""How the confirmed recipes trained: loss against epoch, a line a cell with a band over seeds."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import curves, figure_of, marked_levels
from harness.plots.plot import Plot
from harness.record import Record

METRICS = ("val/loss", "train/loss")


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, metric, epoch (from 0), seeds, mean, lowest and highest.

    Over the runs that stand for each cell, confirmed ones or the best of the search; of an
    ordinary search the best five trials stand alone.
    """
    known = curves(record, METRICS)
    if not len(known):
        return pandas.DataFrame()
    keys = ["order", "panel", "level", "cell", "metric", "epoch"]
    values = known.groupby(keys, sort=False)["value"]
    bands = values.agg(seeds="count", mean="mean", lowest="min", highest="max").reset_index()
    return bands.sort_values(["order", "metric", "epoch"]).drop(columns="order")


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values; validation solid, training dashed."""
    panels = list(data.groupby("panel", sort=False))
    levels = list(dict.fromkeys(data["level"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for (level, metric), points in panel.groupby(["level", "metric"], sort=False):
            index = levels.index(str(level))
            dash = "solid" if metric == METRICS[0] else "dot"
            figure.add_trace(_band(points, index, str(level)), **where)
            figure.add_trace(_line(points, index, str(level), dash), **where)
    marked_levels(figure, levels, marks=False)
    low, high = data["lowest"].min(), data["highest"].max()
    figure.update_xaxes(style.titled("epoch"))
    figure.update_yaxes(style.titled("loss") | style.number_ticks(low, high), col=1)
    figure.update_yaxes(style.number_ticks(low, high))
    return figure


def _band(points: pandas.DataFrame, index: int, level: str) -> go.Scatter:
    epochs = points["epoch"].to_list()
    return go.Scatter(
        x=[*epochs, *reversed(epochs)],
        y=[*points["highest"], *reversed(points["lowest"].to_list())],
        fill="toself",
        fillcolor=style.tinted(index, 0.15),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        legendgroup=level,
        showlegend=False,
    )


def _line(points: pandas.DataFrame, index: int, level: str, dash: str) -> go.Scatter:
    cell, metric = points[["cell", "metric"]].iloc[0]
    return go.Scatter(
        x=points["epoch"].to_list(),
        y=points["mean"].to_list(),
        text=[style.text(f"{cell}, {metric}, {seeds} seeds") for seeds in points["seeds"]],
        mode="lines",
        legendgroup=level,
        showlegend=False,
        line={"color": style.color(index), "width": 2, "dash": dash},
    )


PLOT = Plot(
    title="Learning curves",
    caption="Mean loss over the seeds of each cell, validation solid and training dotted; bands "
    "reach from the lowest to the highest seed.",
    group="training",
    place=1,
    numbers=numbers,
    draw=draw,
)
