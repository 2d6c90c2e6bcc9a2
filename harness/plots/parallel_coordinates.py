"""Every tuning trial as one line through its scientific and tuned values, to its objective."""

import math

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import placed
from harness.plots.plot import Plot
from harness.plots.style import written
from harness.record import Record

BEST = 0.1
"""The share of the trials that is drawn in colour."""
AXIS_WIDTH = 80
"""Pixels an axis needs at least: the numbers at the ends of two must not touch."""


def numbers(record: Record) -> pandas.DataFrame:
    """Return a row for each finished tuning trial and axis: trial, run, best, axis, value, height.

    `height` is where the value lies between the lowest (0) and the highest (1) of its axis, on the
    scale of the search; words are spread in their order. Needs two values and four trials.
    """
    ranked = placed(record, record.ranked())
    axes = [*record.columns("cell/"), *record.columns("suggested/"), record.study.objectives[0]]
    axes = [name for name in axes if name in ranked and ranked[name].nunique() > 1]
    if len(axes) < 3 or len(ranked) < 4:
        return pandas.DataFrame()
    count = math.ceil(BEST * len(ranked))
    ranked = ranked.assign(best=[place < count for place in range(len(ranked))])
    parts = [
        ranked[["trial", "run", "best"]].assign(
            axis=name, value=ranked[name], height=_heights(record, name, ranked[name])
        )
        for name in axes
    ]
    return pandas.concat(parts, ignore_index=True).dropna(subset=["height"])


def _heights(record: Record, name: str, values: pandas.Series) -> pandas.Series:
    numbers = pandas.to_numeric(values, errors="coerce")
    if numbers.isna().all():
        words = {word: place for place, word in enumerate(dict.fromkeys(values.dropna()))}
        numbers = values.map(words).astype(float)
    bounds = record.bounds.get(name.partition("/")[2])
    steep = numbers.min() > 0 and numbers.max() > 20 * numbers.min()
    if (bounds.log if bounds else steep) and numbers.min() > 0:
        numbers = numbers.map(math.log)
    low, high = float(numbers.min()), float(numbers.max())
    return pandas.Series((numbers - low) / (high - low), index=values.index)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw grey lines, the best tenth in colour above them; the ends of each axis are written."""
    axes = list(dict.fromkeys(data["axis"]))
    figure = go.Figure(layout=style.layout(1) | {"width": AXIS_WIDTH * len(axes)})
    for best, name, index in ((False, "other trials", 7), (True, "best tenth", 0)):
        figure.add_trace(_lines(data[data["best"] == best], axes, name, index))
    for place, name in enumerate(axes):
        values = data[data["axis"] == name].sort_values("height")["value"]
        figure.add_vline(place, line={"width": 1, "color": "#888888"})
        for height, value, shift in ((0, values.iloc[0], -12), (1, values.iloc[-1], 12)):
            figure.add_annotation(
                x=place, y=height, yshift=shift, text=style.text(written(value)), showarrow=False
            )
    labels = [style.text(name.removeprefix("suggested/").removeprefix("cell/")) for name in axes]
    ticks = {"tickvals": list(range(len(axes))), "ticktext": labels, "showgrid": False}
    figure.update_xaxes(ticks | {"automargin": True, "zeroline": False})
    figure.update_yaxes(visible=False, range=[-0.12, 1.12])
    return figure


def _lines(data: pandas.DataFrame, axes: list[str], name: str, index: int) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    runs: list[str] = []
    for trial, rows in data.groupby("trial", sort=False):
        told = ", ".join(
            f"{axis.rpartition('/')[2]}={written(value)}"
            for axis, value in zip(rows["axis"], rows["value"], strict=True)
        )
        x += [*map(float, map(axes.index, rows["axis"])), None]
        y += [*rows["height"], None]
        text += [style.text(f"trial {trial}: {told}")] * (len(rows) + 1)
        runs += [*rows["run"], ""]
    return go.Scatter(
        x=x,
        y=y,
        text=text,
        customdata=runs,
        hoverinfo="text",
        mode="lines+markers",
        name=name,
        legendgroup=name,
        line={"color": style.color(index), "width": 1.2},
        marker={"size": 5},
        opacity=0.9 if index == 0 else 0.35,
    )


PLOT = Plot(
    title="Tuning trials side by side",
    caption="Each line is one tuning trial. Where the lines in colour cross an axis close "
    "together, the best tenth agree on that value.",
    group="tuning",
    place=3,
    numbers=numbers,
    draw=draw,
)
