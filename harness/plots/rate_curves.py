"""The curve of the learning rate: the objective at every rate tried, a panel a strategy."""

import pandas
import plotly.graph_objects as go

from harness.plots import style, tuning
from harness.plots.panels import figure_of
from harness.plots.plot import Plot
from harness.record import Record


def numbers(record: Record) -> pandas.DataFrame:
    """Return the tuning trials of what is called a learning rate, by cell and rate.

    Columns as in `harness.plots.tuning`. Only of runs that start from trained weights, where one
    rate for all strategies would compare rates.
    """
    if not record.columns("drift/") or not record.study.scientific:
        return pandas.DataFrame()
    trials = tuning.numbers(record)
    if not len(trials):
        return trials
    rates = trials[trials["parameter"].str.split(",").str[0] == "lr"]
    order = {cell: place for place, cell in enumerate(record.cells())}
    rates = rates.assign(place=rates["cell"].map(order)).sort_values(["place", "suggested"])
    return rates.drop(columns="place").reset_index(drop=True)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a line through the trials of each cell, its best as a star, "at the edge" said."""
    cells = list(dict.fromkeys(data["cell"]))
    titles = [_title(data[data["cell"] == cell]) for cell in cells]
    figure, places = figure_of(titles)
    for where, cell in zip(places, cells, strict=True):
        points = data[data["cell"] == cell]
        figure.add_trace(_curve(points), **where)
        ends = points["low"].iloc[0], points["high"].iloc[0]
        figure.update_xaxes(style.number_ticks(*ends), **where)
    figure.update_yaxes(style.titled(data["metric"].iloc[0]), col=1)
    return figure


def _title(points: pandas.DataFrame) -> str:
    edge = next((side for side in points["edge"] if side), "")
    text = style.text(points["level"].iloc[0])
    return f"{text}<br>best at the {edge} edge" if edge else text


def _curve(points: pandas.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=points["suggested"].to_list(),
        y=points["objective"].to_list(),
        text=[f"trial {trial}" for trial in points["trial"]],
        customdata=points["run"].to_list(),
        mode="lines+markers",
        showlegend=False,
        line={"color": style.color(0), "width": 1},
        marker={
            "color": style.color(0),
            "symbol": ["star" if best else "circle" for best in points["best"]],
            "size": [14 if best else 6 for best in points["best"]],
        },
    )


PLOT = Plot(
    title="Learning rate of each strategy",
    caption="The objective at every rate that was tried. A star is the best; at an edge the "
    "optimum may lie outside, and a comparison with it is one of rates.",
    group="tuning",
    place=0,
    numbers=numbers,
    draw=draw,
)
