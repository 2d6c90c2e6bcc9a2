"""Strips of layers: what of each block trained, how far it moved, how alike its outputs stayed."""

import math

import pandas
import plotly.graph_objects as go

from harness.plots import style
from harness.plots.by_cell import by_cell
from harness.plots.panels import figure_of
from harness.plots.plot import Plot
from harness.plots.style import written
from harness.record import Record

STRIPS = {
    "trained/": "share that ever trained",
    "drift/": "moved: ‖W − W0‖ / ‖W0‖",
    "cka/": "outputs alike: linear CKA",
    "cosines/": "outputs alike: Spearman of cosines",
}
ROW = 26
"""Pixels of a level's strip."""


def numbers(record: Record) -> pandas.DataFrame:
    """Return strip, block, level, cell, mean, low and high over the seeds of each cell.

    Nothing for a study whose runs start from nothing.
    """
    blocks = [name.removeprefix("cka/") for name in record.columns("cka/")]
    parts = [
        by_cell(record, f"{strip}{block}").assign(strip=strip, block=block)
        for strip in STRIPS
        for block in blocks
    ]
    names = ["strip", "block", "level", "cell", "mean", "low", "high"]
    return pandas.concat(parts, ignore_index=True)[names] if parts else pandas.DataFrame()


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw a map for each strip: a row a cell, a column a block."""
    strips = [strip for strip in STRIPS if (data["strip"] == strip).any()]
    blocks, cells = (list(dict.fromkeys(data[name])) for name in ("block", "cell"))
    figure, places = figure_of([style.text(STRIPS[strip]) for strip in strips])
    for where, strip in zip(places, strips, strict=True):
        known = data[data["strip"] == strip].set_index(["cell", "block"])["mean"].to_dict()
        values = [[known.get((cell, block), math.nan) for block in blocks] for cell in cells]
        tiles = go.Heatmap(
            z=values,
            x=[style.text(block) for block in blocks],
            y=[style.text(cell) for cell in cells],
            text=[["" if math.isnan(one) else written(one) for one in row] for row in values],
            texttemplate="%{text}",
            hovertemplate="%{y}, %{x}: %{z:.4g}<extra></extra>",
            colorscale="Cividis",
            showscale=False,
        )
        figure.add_trace(tiles, **where)
    figure.update_layout(height=110 + ROW * max(8, len(cells)))
    figure.update_xaxes(type="category", automargin=True)
    figure.update_yaxes(type="category", autorange="reversed", showticklabels=False)
    figure.update_yaxes(showticklabels=True, automargin=True, col=1)
    return figure


PLOT = Plot(
    title="What trained, and what it did to each block",
    caption="Means over seeds. An adapter may have more numbers than its block: shares above 1. "
    "Little drift is no proof that the outputs stayed: CKA (1 is the same but for rotation and "
    "scale, debiased) and Spearman's correlation of the cosines of all pairs compare them on "
    "examples of the source task.",
    group="answer",
    place=7,
    numbers=numbers,
    draw=draw,
)
