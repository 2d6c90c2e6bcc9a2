"""Where a study's time went: searching, confirming, and what was pruned, diverged or failed."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.panels import marked_levels, placed
from harness.plots.plot import Plot
from harness.record import Record


def numbers(record: Record) -> pandas.DataFrame:
    """Return what (role and ending), level, trials, and seconds of wall-clock time.

    A trial that left no measured time, as one that failed, counts from its start to its end. A
    result that was taken over from an equal trial took none.
    """
    rows = placed(record, record.frame[record.frame["same_as"].isna()])
    measured = record.column("cost/wall_seconds").fillna(record.column("elapsed"))
    rows = rows.assign(
        what=[_what(*pair) for pair in zip(rows["role"], rows["status"], strict=True)],
        seconds=measured[rows.index],
    ).dropna(subset=["seconds"])
    spent = rows.groupby(["what", "level"], sort=False)["seconds"].agg(
        trials="count", seconds="sum"
    )
    return spent.reset_index()


def _what(role: str, status: str) -> str:
    return role if status == "finished" else f"{role}, {status}"


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a bar for each role and ending, a colour for each level."""
    figure = go.Figure(layout=style.layout(1))
    levels = list(dict.fromkeys(data["level"]))
    for index, level in enumerate(levels):
        rows = data[data["level"] == level]
        figure.add_bar(
            y=[style.text(what) for what in rows["what"]],
            x=rows["seconds"].to_list(),
            text=[f"{trials} trials" for trials in rows["trials"]],
            textposition="none",
            orientation="h",
            legendgroup=level,
            showlegend=False,
            marker={"color": style.color(index)},
        )
    marked_levels(figure, levels, marks=False)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(style.titled("seconds of wall-clock time") | {"rangemode": "tozero"})
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


PLOT = Plot(
    title="Where the time went",
    caption="Seconds of all trials added up, whoever worked on them at the same time.",
    group="ledger",
    place=2,
    numbers=numbers,
    draw=draw,
)
