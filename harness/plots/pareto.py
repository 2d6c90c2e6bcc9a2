"""The trials of an ordinary search that none beats: the best five, or the Pareto front."""

import numpy
import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import addresses
from harness.plots.plot import Plot
from harness.record import Record
from harness.statistics.intervals import Array

BEST = 5
"""How many trials of a search with one objective are listed."""


def numbers(record: Record) -> pandas.DataFrame:
    """Return the finished trials, best first: trial, front, objectives, parameters, tuned values.

    `front` marks the five best for one objective, and for several those that no other trial
    beats in all of them.
    """
    objectives = list(record.study.objectives)
    rows = record.ranked().dropna(subset=[name for name in objectives if name in record.frame])
    if len(objectives) == 1:
        front = [place < BEST for place in range(len(rows))]
    else:
        signs = [-1 if record.larger_is_better(name) else 1 for name in objectives]
        losses = rows.reindex(columns=objectives).to_numpy(dtype=float) * signs
        front = [not dominated(point, losses) for point in losses]
    others = [record.shown_metric, "params/trainable", "seed", *record.columns("suggested/")]
    names = list(dict.fromkeys(["trial", "front", *objectives, *others]))
    return rows.assign(front=front).reindex(columns=names).reset_index(drop=True)


def several(record: Record) -> pandas.DataFrame:
    """Return the finished trials of a search with several objectives, with `run`; else none."""
    if len(record.study.objectives) == 1:
        return pandas.DataFrame()
    trials = numbers(record)
    rows = record.frame.set_index("trial").reindex(trials["trial"])
    return trials.assign(run=addresses(record, rows))


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw every finished trial and the front by the first two objectives."""
    vertical, horizontal = data.columns[2:4]
    figure = go.Figure(layout=style.layout(1))
    for on_front, name, size in ((False, "other trial", 7), (True, "on the Pareto front", 11)):
        rows = data[data["front"] == on_front]
        figure.add_scatter(
            x=rows[horizontal].to_list(),
            y=rows[vertical].to_list(),
            text=[f"trial {trial}" for trial in rows["trial"]],
            customdata=rows["run"].to_list(),
            mode="markers",
            name=name,
            legendgroup=name,
            marker={"size": size, "color": style.color(0 if on_front else 7)},
        )
    figure.update_xaxes(style.titled(horizontal))
    figure.update_yaxes(style.titled(vertical))
    return figure


def dominated(point: Array, losses: Array) -> bool:
    """Say whether a row of `losses` (n, objectives) is nowhere worse than `point`, once better."""
    no_worse, better = (losses <= point).all(axis=1), (losses < point).any(axis=1)
    return bool(numpy.any(no_worse & better))


PLOT = Plot(
    title="Pareto front",
    caption="Trials that no other trial beats in every objective.",
    group="answer",
    place=0,
    numbers=several,
    draw=draw,
)
