"""Memory by part: weights, gradients, optimizer and activations of a training step, by formula."""

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.by_cell import by_cell
from harness.plots.plot import Plot
from harness.record import Record

PARTS = {
    "memory/weights": "weights",
    "memory/gradients": "gradients",
    "memory/optimizer_state": "optimizer state",
    "memory/saved_activations": "saved activations",
}


def numbers(record: Record) -> pandas.DataFrame:
    """Return part, cell, level and bytes; nothing for a study whose runs start from nothing."""
    if not record.columns("drift/") or not record.study.scientific:
        return pandas.DataFrame()
    parts = [by_cell(record, name).assign(part=part) for name, part in PARTS.items()]
    data = pandas.concat(parts, ignore_index=True).rename(columns={"mean": "bytes"})
    return data[["part", "cell", "level", "bytes"]]


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a bar for each cell, of four parts."""
    cells = list(dict.fromkeys(data["cell"]))
    figure = go.Figure(layout=style.layout(1))
    for index, part in enumerate(dict.fromkeys(data["part"])):
        known = data[data["part"] == part].set_index("cell")["bytes"].to_dict()
        figure.add_bar(
            y=[style.text(cell) for cell in cells],
            x=[known.get(cell, 0.0) / 1e6 for cell in cells],
            name=part,
            legendgroup=part,
            orientation="h",
            marker={"color": style.color(index)},
        )
    figure.update_layout(barmode="stack", height=110 + 22 * max(8, len(cells)))
    figure.update_xaxes(style.titled("MB of one training step, by formula"))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


PLOT = Plot(
    title="Memory by part",
    caption="What a training step of each strategy needs; in the phase that needs most. What "
    "was measured is beside it in the table Fine-tuning.",
    group="networks",
    place=5,
    numbers=numbers,
    draw=draw,
)
