"""How large the gradient of each layer is: before the first step, and late in the training."""

import numpy
import pandas
import plotly.graph_objects as go

from harness.anatomy.gradients import PREFIX
from harness.plots import style
from harness.plots.panels import curves, figure_of, marked_levels
from harness.plots.plot import Plot
from harness.record import Record

FIRST, LAST = "first step", "last measured"
DASHES = {FIRST: "solid", LAST: "dot"}


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, moment, place (from 1), layer, epoch, seeds, mean and ends.

    Over the runs that stand for each cell, or the best five trials of an ordinary search. Means are
    geometric; the ends, `lowest` and `highest`, are those of the seeds. A cell's moments are its
    first epoch and the last one that a run was measured in.
    """
    points = curves(record, [PREFIX])
    if len(points):
        points = points[numpy.isfinite(points["value"]) & (points["value"] > 0)]
    if not len(points):
        return pandas.DataFrame()
    known = _moments(points)
    names = known["metric"].str.removeprefix(PREFIX).str.partition(" ")
    known = known.assign(place=names[0].astype(int), layer=names[2])
    keys = ["order", "panel", "level", "cell", "moment", "place", "layer"]
    found = known.assign(log=numpy.log(known["value"])).groupby(keys, sort=False)
    bands = found.agg(
        epoch=("epoch", "max"),
        seeds=("value", "count"),
        mean=("log", "mean"),
        lowest=("value", "min"),
        highest=("value", "max"),
    ).reset_index()
    order = ["order", "moment", "place"]
    return bands.assign(mean=numpy.exp(bands["mean"])).sort_values(order).drop(columns="order")


def _moments(points: pandas.DataFrame) -> pandas.DataFrame:
    """Return the points of each run's first epoch and of its last one, with their `moment`."""
    first = points[points["epoch"] == 0].assign(moment=FIRST)
    last = points[points["epoch"] == points.groupby("run_id")["epoch"].transform("max")]
    return pandas.concat([first, last[last["epoch"] > 0].assign(moment=LAST)])


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values, a line over the layers for each level."""
    panels = list(data.groupby("panel", sort=False))
    levels = list(dict.fromkeys(data["level"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for (level, moment), points in panel.groupby(["level", "moment"], sort=False):
            line = _line(points, levels.index(str(level)), str(level), DASHES[str(moment)])
            figure.add_trace(line, **where)
    marked_levels(figure, levels, marks=False)
    axis = style.number_ticks(data["mean"].min(), data["mean"].max())
    figure.update_xaxes(style.titled("weight layer, from the input"))
    figure.update_yaxes(axis)
    figure.update_yaxes(style.titled("gradient norm"), col=1)
    return figure


def _line(points: pandas.DataFrame, index: int, level: str, dash: str) -> go.Scatter:
    told = points[["cell", "layer", "moment", "epoch", "seeds"]].itertuples(index=False)
    return go.Scatter(
        x=points["place"].to_list(),
        y=points["mean"].to_list(),
        text=[
            style.text(f"{cell}, {layer}, {moment} (epoch {epoch}), {seeds} seeds")
            for cell, layer, moment, epoch, seeds in told
        ],
        mode="lines+markers",
        marker={"color": style.color(index), "size": 5},
        legendgroup=level,
        showlegend=False,
        line={"color": style.color(index), "width": 2, "dash": dash},
    )


PLOT = Plot(
    title="Gradient norm per layer",
    caption="Of the first step of the training (solid) and of the last epoch it was measured in "
    "(dotted), geometric mean over the seeds of each cell, before clipping. Where it falls or "
    "grows by orders of magnitude from layer to layer, depth is limited by its initialisation. "
    "A norm of zero (ReZero, LoRA) is left out.",
    group="training",
    place=2,
    numbers=numbers,
    draw=draw,
)
