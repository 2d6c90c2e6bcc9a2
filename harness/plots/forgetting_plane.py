"""The plane of learning and forgetting: the new task against what is left of the source task."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.by_cell import by_cell
from harness.plots.panels import figure_of, marked_levels
from harness.plots.plot import Plot
from harness.record import Record

BEFORE = "_before"


def numbers(record: Record) -> pandas.DataFrame:
    """Return panel, level, cell, run, and mean, low and high of learned and kept.

    `learned` is the answer's metric, `kept` the source task's headline metric, `before` what that
    was at the start. Nothing where there was no source task.
    """
    ends = [name for name in record.columns("source/") if name.endswith(BEFORE)]
    ends = [name for name in ends if "loss" not in name]
    if not ends:
        return pandas.DataFrame()
    most = max(ends, key=lambda name: record.column(name).count())  # source tasks may differ
    source = most.removesuffix(BEFORE)
    learned, kept = by_cell(record, record.shown_metric), by_cell(record, source)
    both = learned.merge(
        kept.drop(columns=["panel", "level", "run", "seeds"]),
        on="cell",
        suffixes=(" learned", " kept"),
    )
    before = record.column(most).dropna().mean()
    return both.assign(before=before, learned=record.shown_metric, kept=source)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a point with both intervals for each cell; the dotted line is what was known before."""
    panels = list(data.groupby("panel", sort=False))
    levels = list(dict.fromkeys(data["level"]))
    figure, places = figure_of([style.text(name) for name, _ in panels])
    for where, (_, panel) in zip(places, panels, strict=True):
        for row in panel.to_dict("records"):
            figure.add_trace(_point(row, levels.index(row["level"])), **where)
        # After the points: a panel without any would get no line.
        figure.add_hline(
            data["before"].iloc[0], line={"dash": "dot", "width": 1, "color": "#888888"}, **where
        )
    marked_levels(figure, levels)
    figure.update_xaxes(style.titled(f"learned: {data['learned'].iloc[0]}"))
    figure.update_yaxes(style.titled(f"kept: {data['kept'].iloc[0]}"), col=1)
    return figure


def _point(row: Mapping[Hashable, Any], index: int) -> go.Scatter:
    return go.Scatter(
        x=[row["mean learned"]],
        y=[row["mean kept"]],
        error_x=_error(row, "learned"),
        error_y=_error(row, "kept"),
        text=[style.text(row["cell"])],
        customdata=[row["run"]],
        mode="markers",
        marker={"color": style.color(index), "symbol": style.symbol(index), "size": 10},
        legendgroup=str(row["level"]),
        showlegend=False,
    )


def _error(row: Mapping[Hashable, Any], what: str) -> dict[str, object]:
    mean, high = float(str(row[f"mean {what}"])), float(str(row[f"high {what}"]))
    return {"type": "data", "array": [high - mean], "width": 3, "thickness": 1}


PLOT = Plot(
    title="Learned and forgotten",
    caption="Each cell's new task against its source task, with 95 % intervals over seeds. The "
    "dotted line is the source task before: below it something was forgotten.",
    group="answer",
    place=6,
    numbers=numbers,
    draw=draw,
)
