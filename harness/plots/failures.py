"""How the trials of each cell ended, where not all of them finished."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import figure_of, placed
from harness.plots.plot import Plot
from harness.record import Record

ENDINGS = ("finished", "diverged", "pruned", "infeasible", "failed", "running", "waiting")


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, status and trials; no row if every trial finished."""
    rows = placed(record, record.frame)
    if (rows["status"] == "finished").all():
        return pandas.DataFrame()
    counts = rows.groupby(["panel", "level", "cell", "status"], sort=False).size()
    return counts.rename("trials").reset_index()


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a panel for each combination of held values, a stacked bar for each level."""
    panels = list(data.groupby("panel", sort=False))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    seen = [ending for ending in ENDINGS if (data["status"] == ending).any()]
    for where, (_, panel) in zip(places, panels, strict=True):
        for ending in seen:
            part = panel[panel["status"] == ending]
            bar = go.Bar(
                y=[style.text(level) for level in part["level"]],
                x=part["trials"].to_list(),
                orientation="h",
                name=ending,
                legendgroup=ending,
                showlegend=where == {"row": 1, "col": 1},
                marker={"color": style.color(ENDINGS.index(ending))},
            )
            figure.add_trace(bar, **where)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(style.titled("trials"))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


PLOT = Plot(
    title="How the trials ended",
    caption="Nothing is dropped: diverged, pruned and failed trials are counted.",
    group="ledger",
    place=1,
    numbers=numbers,
    draw=draw,
)
