"""Which scientific and tuned values decided whether a tuning trial was among the good ones."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.plot import Plot
from harness.record import Record
from harness.results import importance


def numbers(record: Record) -> pandas.DataFrame:
    """Return value, role (scientific or tuned) and share; the shares add up to 1."""
    roles = {"cell": "scientific", "suggested": "tuned"}
    rows = [
        (name.partition("/")[2], roles[name.partition("/")[0]], share)
        for name, share in sorted(importance(record).items(), key=lambda item: -item[1])
    ]
    return pandas.DataFrame(rows, columns=["value", "role", "share"])


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a bar for each value, the most important above, a colour for each role."""
    figure = go.Figure(layout=style.layout(1))
    for index, role in enumerate(("scientific", "tuned")):
        rows = data[data["role"] == role]
        if len(rows):
            figure.add_bar(
                y=[style.text(value) for value in rows["value"]],
                x=rows["share"].to_list(),
                orientation="h",
                name=role,
                legendgroup=role,
                marker={"color": style.color(index)},
            )
    names = [style.text(value) for value in data["value"]]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True)
    figure.update_xaxes(style.titled("share") | {"rangemode": "tozero", "tickformat": ".0%"})
    return figure


PLOT = Plot(
    title="What mattered",
    caption="PED-ANOVA (Watanabe 2023, by Optuna): how much each value alone tells the best tenth "
    "of the tuning trials from the others. It says nothing of values that work together.",
    group="tuning",
    place=2,
    numbers=numbers,
    draw=draw,
)
