"""Parameters by the type of layer that holds them, for each cell."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import addresses, figure_of, placed
from harness.plots.plot import Plot
from harness.record import Record

PREFIX = "params/by_type/"


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, run, type and parameters, of each cell's chosen recipe.

    An ordinary search has no cells: its best five trials stand in their place.
    """
    if record.study.scientific:
        rows = pandas.concat([record.chosen(cell).head(1) for cell in record.cells()])
        rows = placed(record, rows)
    else:
        rows = record.ranked().head(5)
        names = [f"trial {trial}" for trial in rows["trial"]]
        rows = rows.assign(panel="", level=names, run=addresses(record, rows))
    names = ["panel", "level", "cell", "run"]
    data = rows[[*names, *record.columns(PREFIX)]].melt(names, None, "type", "parameters")
    data["type"] = data["type"].str.removeprefix(PREFIX)
    return data[data["parameters"] > 0].reset_index(drop=True)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values, a stacked bar for each level."""
    panels = list(data.groupby("panel", sort=False))
    types = list(dict.fromkeys(data["type"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for index, kind in enumerate(types):
            part = panel[panel["type"] == kind]
            bar = go.Bar(
                y=[style.text(level) for level in part["level"]],
                x=part["parameters"].to_list(),
                orientation="h",
                customdata=part["run"].to_list(),
                name=style.text(kind),
                legendgroup=kind,
                showlegend=where == {"row": 1, "col": 1},
                marker={"color": style.color(index)},
            )
            figure.add_trace(bar, **where)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(style.titled("parameters") | {"rangemode": "tozero"})
    figure.update_yaxes(autorange="reversed", matches="y", showticklabels=False)
    figure.update_yaxes(showticklabels=True, col=1)
    figure.update_layout(yaxis_matches=None)
    return figure


PLOT = Plot(
    title="Parameters by layer type",
    caption="Of the recipe that stands for each cell: the confirmed one, or the best so far.",
    group="networks",
    place=1,
    numbers=numbers,
    draw=draw,
)
