"""The mean quality of every cell as a map: the compared value against another one."""

import math

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, places
from harness.plots.plot import Plot
from harness.plots.style import written
from harness.record import BUDGET_NAMES, Record
from harness.study import label


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, column, cell, seeds, metric and mean, a row for each measured cell.

    `column` is the budget if there is one, else the first scientific value that is not compared.
    The mean is over confirm seeds; no row for a study with one scientific value.
    """
    others = [name for name in record.study.scientific if name != record.study.compared]
    if not others:
        return pandas.DataFrame()
    across = next((name for name in others if name in BUDGET_NAMES), others[0])
    held = places(record, [across])
    rows = []
    for cell in record.study.cells():
        seeds = record.confirmed(label(cell))
        row = (*held[label(cell)], f"{across}={cell[across]}", label(cell), len(seeds))
        rows.append((*row, record.answer_metric, float(seeds["value"].mean())))
    names = ["panel", "level", "column", "cell", "seeds", "metric", "mean"]
    return pandas.DataFrame(rows, columns=names).dropna(subset=["mean"]).reset_index(drop=True)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values, the mean written into each tile."""
    panels = list(data.groupby("panel", sort=False))
    columns, levels = (list(dict.fromkeys(data[name])) for name in ("column", "level"))
    figure, places_ = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places_, panels, strict=True):
        found = panel.set_index(["level", "column"])["mean"].to_dict()
        values = [[found.get((level, one), math.nan) for one in columns] for level in levels]
        tiles = go.Heatmap(
            z=values,
            x=[style.text(column) for column in columns],
            y=[style.text(level) for level in levels],
            text=[["" if math.isnan(one) else written(one) for one in row] for row in values],
            texttemplate="%{text}",
            hovertemplate="%{y}, %{x}: %{z}<extra></extra>",
            coloraxis="coloraxis",
        )
        figure.add_trace(tiles, **where)
    bar = {"title": {"text": style.text(data["metric"].iloc[0])}, "thickness": 12}
    figure.update_layout(coloraxis={"colorscale": "Cividis", "colorbar": bar})
    figure.update_xaxes(type="category", automargin=True)
    figure.update_yaxes(type="category", automargin=True, autorange="reversed")
    figure.update_yaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=True, col=1)
    return figure


PLOT = Plot(
    title="Map of the cells",
    caption="The mean over confirm seeds of every cell.",
    group="views",
    place=2,
    numbers=numbers,
    draw=draw,
)
