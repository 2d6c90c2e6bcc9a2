"""Quality against the compared value at equal parameters: one curve for each budget."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, marked_levels
from harness.plots.plot import Plot
from harness.plots.quality_against_parameters import points
from harness.record import BUDGET_NAMES, Record
from harness.study import label


def numbers(record: Record) -> pandas.DataFrame:
    """Return the points of the answer's metric with `curve`, the wanted number of parameters.

    Columns as `quality_against_parameters.points`; no row without a budget among the scientific
    values, or where the budget is what is compared.
    """
    budgets = [name for name in record.study.scientific if name in BUDGET_NAMES]
    if not budgets or budgets[0] == record.study.compared:
        return pandas.DataFrame()
    curves = {label(cell): f"{budgets[0]}={cell[budgets[0]]}" for cell in record.study.cells()}
    data = points(record, [record.shown_metric])
    return data.assign(curve=data["cell"].map(curves))


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of other held values, a curve for each budget."""
    panels = list(data.groupby("panel", sort=False))
    curves, levels = list(dict.fromkeys(data["curve"])), list(dict.fromkeys(data["level"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for index, curve in enumerate(curves):
            chosen = panel[panel["curve"] == curve]
            figure.add_trace(_dots(chosen, index, curve), **where)
            if chosen["mean"].notna().any():
                figure.add_trace(_means(chosen, index, curve), **where)
    marked_levels(figure, curves)
    names = [style.text(level) for level in levels]
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=names, automargin=True
    )
    figure.update_yaxes(style.titled(data["metric"].iloc[0]), col=1)
    return figure


def _dots(chosen: pandas.DataFrame, index: int, curve: str) -> go.Scatter:
    told = zip(chosen["cell"], chosen["seed"], strict=True)
    return go.Scatter(
        x=[style.text(level) for level in chosen["level"]],
        y=chosen["value"].to_list(),
        text=[style.text(f"{cell}, seed {seed}") for cell, seed in told],
        customdata=chosen["run"].to_list(),
        mode="markers",
        legendgroup=curve,
        showlegend=False,
        marker={"color": style.color(index), "size": 6, "opacity": 0.45},
    )


def _means(chosen: pandas.DataFrame, index: int, curve: str) -> go.Scatter:
    means = chosen.dropna(subset=["mean"]).groupby("cell", sort=False).first()
    return go.Scatter(
        x=[style.text(level) for level in means["level"]],
        y=means["mean"].to_list(),
        error_y=style.bars(means),
        text=[style.text(f"{cell}: mean and 95 % interval") for cell in means.index],
        mode="lines+markers",
        legendgroup=curve,
        showlegend=False,
        line={"color": style.color(index), "width": 2},
        marker={"color": style.color(index), "size": 10, "symbol": style.symbol(index)},
    )


PLOT = Plot(
    title="At equal parameters",
    caption="Along a curve the number of parameters stays the same and the compared value "
    "changes; bars are 95 % intervals over seeds.",
    group="views",
    place=1,
    numbers=numbers,
    draw=draw,
)
